// The frozen library: an archive inside the binary, one deflate stream per module, and its index. It knows
// how modules are stored, not what they mean.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mp {

struct FrozenModule {
  const char* name;
  uint32_t offset;         // in the archive
  uint32_t size;           // there
  uint32_t unpacked_size;  // of the serialised CodeUnit (lang/code_unit_io.h)
  bool is_package;
};

// What stdlib/freeze generates: modules sorted by name, the streams, and what every stream may refer back to.
struct FrozenArchive {
  const FrozenModule* modules;
  size_t count;
  const uint8_t* bytes;
  const uint8_t* dictionary;
  uint32_t dictionary_size;
};
extern const FrozenArchive kFrozenArchive;

bool find_frozen_module(std::string_view name, FrozenModule* out);
std::vector<std::string> frozen_module_names();
// The serialised CodeUnit; empty when the archive is damaged.
std::string unpack(const FrozenModule& module);

}  // namespace mp
