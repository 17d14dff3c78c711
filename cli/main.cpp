// The `minipy` command.
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "vm/exec/interp.h"
#include "vm/modules/modules.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

using namespace mp;

// SystemExit gives its code; anything else is printed and gives 1.
static int report(Thread& t) {
  Value exception = t.take_exception();
  if (is_exception_of(t, exception, Exc::SystemExit)) {
    Value code = exception.as<ExceptionObject>()->fields[0];
    if (code.is_none() || code.is_empty()) return 0;
    int64_t number;
    if (is_any_int(code) && int_to_int64(code, &number)) return static_cast<int>(number & 0xff);
    std::fprintf(stderr, "%s\n", str_text(t, code).c_str());
    return 1;
  }
  print_exception(t, exception);
  return 1;
}

int main(int argc, char** argv) {
  RuntimeOptions options;
  options.executable = argv[0];
  int i = 1;
  std::string command;
  bool has_command = false;
  for (; i < argc; ++i) {
    if (std::strcmp(argv[i], "-c") == 0 && i + 1 < argc) {
      command = argv[++i];
      has_command = true;
      ++i;
      break;
    }
    if (std::strcmp(argv[i], "--gil=off") == 0) {
      options.gil = false;
      continue;
    }
    break;
  }
  options.argv.push_back(has_command ? "-c" : i < argc ? argv[i] : "");
  for (int k = has_command ? i : i + 1; k < argc; ++k) options.argv.push_back(argv[k]);
  std::string script = !has_command && i < argc ? argv[i] : "";
  std::string directory = script.find('/') == std::string::npos ? "" : script.substr(0, script.rfind('/'));
  if (!has_command && directory.empty()) {
    char buffer[4096];
    if (getcwd(buffer, sizeof buffer) != nullptr) directory = buffer;
  }
  options.module_path.push_back(has_command ? "" : directory);
  auto runtime = Runtime::create(options);
  if (runtime == nullptr) return 1;
  Thread& t = runtime->main_thread();
  int status = 0;
  auto run = [&]() -> Status {
    CompileRequest request;
    Value data = kNone;
    DictObject* globals = main_module(t)->dict;
    if (has_command) {
      request.source = command;
    } else {
      data = TRY(read_file(t, script));
      request.source = data.as<BytesObject>()->view();
      request.filename = script;
      request.decode = true;
      TRY(dict_set_str(t, globals, t.names().__file__, make_str(t, script)));
    }
    Value code = TRY(compile_source(t, request));
    TRY(run_code(t, code.as<CodeObject>(), globals, globals));
    return {};
  };
  if (run().is_error()) status = report(t);
  int end = runtime->finalize();
  if (status == 0) status = end;
  std::fflush(stdout);
  _exit(status);
}
