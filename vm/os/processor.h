// Which processor this is. It knows nothing of minipy.
#pragma once
#include <sched.h>

namespace mp::os {

// That the calling thread runs on, or did a moment ago; 0 where the system does not tell.
inline unsigned current_processor() {
  int processor = sched_getcpu();
  return processor < 0 ? 0 : static_cast<unsigned>(processor);
}

}  // namespace mp::os
