// A host program: calls a script, is called by one, and sees its exceptions.
#include <cstdio>

#include "minipy/minipy.h"

int main() {
  minipy::Runtime runtime;
  runtime.define("host_add", [](minipy::Runtime& r, const std::vector<minipy::Handle>& arguments) {
    return r.make(arguments.at(0).to_int() + arguments.at(1).to_int());
  });
  runtime.exec("def greet(name):\n    return f'Hello {name}, the host says {host_add(40, 2)}'\n");
  std::printf("%s\n", runtime.call(runtime.eval("greet"), {runtime.make("C++")}).to_string().c_str());
  try {
    runtime.exec("1 / 0");
  } catch (const minipy::Error& error) {
    std::printf("%s: %s\n", error.type().c_str(), error.what());
  }
  return 0;
}
