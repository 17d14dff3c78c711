// libFuzzer over the whole front end: bytes to source, tokens, AST, code, verifier, and the code's bytes and
// back.
// ./dev fuzz frontend SECONDS; the seed corpus is tests/script.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "lang/code_unit_io.h"
#include "lang/compile.h"
#include "lang/verifier.h"

using namespace mp::lang;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  // The first byte chooses the mode, so that one corpus covers all of them.
  ParseOptions options;
  options.mode = static_cast<Mode>(data[0] % 4);
  options.allow_incomplete = data[0] & 8;
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  std::optional<Diagnostic> error;
  Source source = Source::from_bytes(bytes, "fuzz", &error);
  if (error) return 0;
  CompileResult result = compile_source(source, options, {});
  if (!result.unit) {
    if (!result.error && !result.incomplete) abort();  // neither code nor a reason
    return 0;
  }
  std::string problem = verify(*result.unit);
  if (!problem.empty()) {
    fprintf(stderr, "verifier: %s\n", problem.c_str());
    abort();
  }
  return 0;
}
