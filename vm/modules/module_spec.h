// ModuleSpec (PEP 451) and the loaders that import.cpp attaches to modules. Not the search itself.
#pragma once
#include "vm/modules/modules.h"

namespace mp {

struct ModuleSpecObject : Object {
  Slot name, loader, origin, loader_state, submodule_search_locations, cached, has_location;
  std::atomic<bool> initializing{false};
};
ModuleSpecObject* make_module_spec(Thread& t, Value name, Value loader, Value origin, Value search_locations,
                                   bool has_location);
bool is_module_spec(Thread& t, Value v);

enum class LoaderKind : uint8_t { Source, Builtin, Frozen, Namespace };
struct LoaderObject : Object {
  Slot name, path;
};
Value make_loader(Thread& t, LoaderKind kind, Value name, Value path);

}  // namespace mp
