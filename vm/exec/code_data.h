// CodeData: the part of a code object that is C++ data: the shared unit, the words, the decoded line table.
// Private to vm/exec.
#pragma once
#include <mutex>
#include <vector>

#include "vm/exec/code.h"

namespace mp {

struct LineEntry {
  uint32_t start;
  int32_t line;  // -1: none
};

struct CodeData {
  std::shared_ptr<const lang::CodeUnit> unit;
  std::shared_ptr<const lang::CodeUnit>
      functions_of;  // the unit whose nested functions are used: differs after replace()
  std::vector<uint64_t> words;
  std::once_flag lines_once;
  std::vector<LineEntry> lines;
  std::atomic<struct CodeMonitors*> monitors{nullptr};  // sys.monitoring (monitoring.h)
  ~CodeData();
};

// The decoded line table, sorted by start; adjacent entries have different lines.
const std::vector<LineEntry>& code_lines(const CodeObject* code);
// A deep copy of everything but the nested functions.
std::shared_ptr<lang::CodeUnit> clone_unit(const lang::CodeUnit& unit);
CodeObject* link_code_parts(Thread& t, std::shared_ptr<const lang::CodeUnit> unit,
                            std::shared_ptr<const lang::CodeUnit> functions_of);
TupleObject* code_constants(Thread& t, CodeObject* code);  // co_consts

}  // namespace mp
