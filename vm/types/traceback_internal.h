// What the files that print tracebacks share. Nobody else includes it but the traceback module's helper.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "lang/code_unit.h"
#include "vm/types/exception_internal.h"

namespace mp {

// What register_source() was given for the name, or empty.
std::string registered_source(Thread& t, const std::string& filename);
// Lines of source files, read once per printed traceback.
class SourceLines {
 public:
  explicit SourceLines(Thread& t) : thread_(t) {}
  // 1-based, without the newline; empty when unknown.
  const std::string& line(const std::string& filename, int32_t number);

 private:
  Thread& thread_;
  std::map<std::string, std::vector<std::string>> files_;
};

// The lines below `File "x", line n, in f`: source with carets; empty when the source is unknown.
std::string format_source(SourceLines& sources, const std::string& filename, int32_t line,
                          const lang::CodePosition& position);
// The same for lines at hand, without newlines; columns are byte offsets into the first and the last one, -1:
// no carets.
std::string format_lines(const std::vector<std::string>& original, int32_t column, int32_t end_column);
// ". Did you mean: 'x'?" and the like, or empty.
std::string suggestion_for(Thread& t, Value exception);

}  // namespace mp
