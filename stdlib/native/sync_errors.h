// The exception classes that threading, queue and concurrent.futures define and native code raises.
#pragma once
#include "vm/types/type.h"

namespace mp {

enum class SyncError : uint8_t {
  BrokenBarrier,    // threading.BrokenBarrierError
  Empty,            // _queue.Empty
  Full,             // queue.Full
  ShutDown,         // queue.ShutDown
  FutureError,      // concurrent.futures._base.Error
  FutureCancelled,  // CancelledError
  FutureState,      // InvalidStateError
  kCount
};

// The class, made at the first use.
Result<Value> sync_error_class(Thread& t, SyncError error);
Error raise_sync_error(Thread& t, SyncError error);
Error raise_sync_error(Thread& t, SyncError error, const std::string& message);

}  // namespace mp
