// The codec registry of one runtime: search functions, the cache of what they found, error handlers by name.
#pragma once
#include <mutex>
#include <string>

#include "vm/types/containers.h"

namespace mp {

struct CodecRegistry {
  std::mutex mutex;
  bool ready = false;
  bool imported = false;  // the `encodings` package, which registers the standard search function
  Slot search_functions;  // list
  Slot cache;             // dict: normalised name -> CodecInfo
  Slot handlers;          // dict: name -> callable
};
CodecRegistry& codec_registry(Thread& t);
std::string normalized_encoding(std::string_view name);

}  // namespace mp
