#include "runner.h"
namespace runner { int run_suite(const Settings&, const std::vector<std::string>&) { return kSkipped; } }
