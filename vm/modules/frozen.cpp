#include "vm/modules/frozen.h"

#include <zlib.h>

#include <algorithm>

namespace mp {

bool find_frozen_module(std::string_view name, FrozenModule* out) {
  const FrozenModule* end = kFrozenArchive.modules + kFrozenArchive.count;
  const FrozenModule* found = std::lower_bound(
      kFrozenArchive.modules, end, name,
      [](const FrozenModule& module, std::string_view wanted) { return module.name < wanted; });
  if (found == end || found->name != name) return false;
  *out = *found;
  return true;
}

std::vector<std::string> frozen_module_names() {
  std::vector<std::string> names;
  for (size_t i = 0; i < kFrozenArchive.count; ++i) names.emplace_back(kFrozenArchive.modules[i].name);
  return names;
}

std::string unpack(const FrozenModule& module) {
  std::string unpacked(module.unpacked_size, '\0');
  z_stream stream{};
  stream.next_in = const_cast<Bytef*>(kFrozenArchive.bytes + module.offset);
  stream.avail_in = module.size;
  stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
  stream.avail_out = module.unpacked_size;
  // Raw deflate: the archive needs no checksum, it is as safe as the code beside it.
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return {};
  bool done =
      inflateSetDictionary(&stream, kFrozenArchive.dictionary, kFrozenArchive.dictionary_size) == Z_OK &&
      inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  return done ? unpacked : std::string();
}

}  // namespace mp
