// Any text through the parser in every mode: a tree that can be walked, or an error with a message and a
// position in the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lang/frontend.h"

using namespace mp::lang;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  ParseOptions options;
  options.mode = static_cast<Mode>(data[0] & 3);
  options.allow_incomplete = (data[0] & 4) != 0;
  std::optional<Diagnostic> error;
  Source source = Source::from_bytes({reinterpret_cast<const char*>(data) + 1, size - 1}, "<fuzz>", &error);
  if (error) return 0;
  Arena arena;
  ParseResult result = parse(source, arena, options);
  if (result.ok() == result.error.has_value()) std::abort();
  if (result.error) {
    if (result.error->message.empty()) std::abort();
    if (result.error->line < 0 || result.error->line > static_cast<int>(source.line_count()) + 1)
      std::abort();
  } else {
    DumpOptions dump;
    dump.attributes = true;
    dump.source = &source;
    dump_ast(result.module, dump);
  }
  return 0;
}
