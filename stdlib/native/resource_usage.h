// resource.struct_rusage from the system's record; os.wait3, os.wait4 and resource.getrusage give it.
#pragma once
#include <sys/resource.h>

#include "vm/native/native.h"

namespace mp {

Result<Value> make_resource_usage(Thread& t, const rusage& usage);

}  // namespace mp
