// The codec registry of one runtime: search functions, the cache of what they found, error handlers by name.
#pragma once
#include <atomic>
#include <mutex>
#include <string>

#include "vm/types/containers.h"

namespace mp {

struct CodecRegistry {
  std::mutex mutex;
  bool ready = false;
  std::atomic<bool> imported{false};  // the `encodings` package, which registers the standard search function
  Slot search_functions;              // list
  Slot cache;                         // dict: normalised name -> CodecInfo
  Slot handlers;                      // dict: name -> callable
};
CodecRegistry& codec_registry(Thread& t);
// Calls an encoder or decoder; its exception gets a note: "encoding with 'x' codec failed".
Result<Value> codec_call(Thread& t, Value function, Value argument, Value errors_or_empty,
                         const char* operation, const std::string& encoding);
std::string normalized_encoding(std::string_view name);

}  // namespace mp
