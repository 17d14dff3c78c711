// _struct: Struct, its iterator and the functions of the module.
#include <cstring>

#include "stdlib/native/struct_layout.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/iterator_support.h"
#include "vm/types/memoryview.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

using namespace structs;  // NOLINT: this module's own

// ---------------------------------------------------------------- the types

// __init__ may be called again while a call packs by the layout before: each is kept as long as the object.
struct KeptLayout {
  std::shared_ptr<const Layout> layout;
  KeptLayout* previous;
};
struct StructObject : Object {
  Slot format;                               // str, empty until __init__
  std::atomic<KeptLayout*> layout{nullptr};  // the latest
};
struct UnpackIterator : Object {
  Slot owner;   // StructObject
  Slot buffer;  // memoryview; empty when exhausted
  std::atomic<int64_t> offset{0};
};
extern const TypeSpec kStructSpec, kUnpackIteratorSpec;

void finalize_struct(Object* object) {
  for (KeptLayout* kept = static_cast<StructObject*>(object)->layout.load(); kept != nullptr;)
    delete std::exchange(kept, kept->previous);
}

Result<Value> struct_new(Thread& t, Value cls, const CallArgs&) {
  return Value(t.heap().make<StructObject>(t, cls.as<Type>()));
}
Result<Value> struct_init(Thread& t, const Value* args) {
  auto* s = args[0].as<StructObject>();
  auto layout = TRY(get_layout(t, args[1]));
  // Before the layout: who finds that finds the format as well.
  s->format = is_str(args[1]) ? args[1] : Value(make_str(t, args[1].as<BytesObject>()->view()));
  KeptLayout* last = s->layout.load(std::memory_order_acquire);
  if (last == nullptr || last->layout != layout) {
    auto* kept = new KeptLayout{std::move(layout), last};
    while (!s->layout.compare_exchange_weak(kept->previous, kept)) {
    }
    if (kept->previous == nullptr) t.heap().register_native_finalizer(s, finalize_struct);
  }
  return kNone;
}

Result<const Layout*> layout_of(Thread& t, Value self) {
  KeptLayout* kept = self.as<StructObject>()->layout.load(std::memory_order_acquire);
  if (kept == nullptr) return t.raise(Exc::RuntimeError, "Struct object is not initialized");
  return kept->layout.get();
}

Result<Value> struct_pack(Thread& t, Value self, const CallArgs& args) {
  return do_pack(t, *TRY(layout_of(t, self)), args.values, args.count);
}
Result<Value> struct_pack_into(Thread& t, Value self, const CallArgs& args) {
  return do_pack_into(t, *TRY(layout_of(t, self)), args.values, args.count);
}
Result<Value> struct_unpack(Thread& t, const Value* args) {
  return do_unpack(t, *TRY(layout_of(t, args[0])), args[1]);
}
Result<Value> struct_unpack_from(Thread& t, const Value* args) {
  return do_unpack_from(t, *TRY(layout_of(t, args[0])), args[1], args[2]);
}

Result<Value> struct_iter_unpack(Thread& t, const Value* args) {
  const Layout* layout = TRY(layout_of(t, args[0]));
  if (layout->size == 0) return raise_struct(t, "cannot iteratively unpack with a struct of length 0");
  Value view = TRY(make_memoryview(t, args[1]));
  int64_t size = view.as<MemoryViewObject>()->size;
  if (size % layout->size != 0) {
    return raise_struct(
        t, fmt::format("iterative unpacking requires a buffer of a multiple of {} bytes", layout->size));
  }
  auto* it = t.heap().make<UnpackIterator>(t, native_type(t, kUnpackIteratorSpec));
  it->owner = args[0];
  it->buffer = view;
  return Value(it);
}

Result<Value> unpack_iterator_next(Thread& t, Value self) {
  auto* it = self.as<UnpackIterator>();
  Value view = it->buffer;
  if (view.is_empty()) return kNoMore;
  const Layout* layout = TRY(layout_of(t, it->owner));
  auto* m = view.as<MemoryViewObject>();
  int64_t offset = it->offset.fetch_add(layout->size);
  if (offset + layout->size > m->size) {
    it->buffer = kEmpty;
    return kNoMore;
  }
  return unpack_all(t, *layout, m->data + offset);
}
Result<Value> unpack_iterator_length_hint(Thread& t, const Value* args) {
  auto* it = args[0].as<UnpackIterator>();
  Value view = it->buffer;
  if (view.is_empty()) return Value::from_int(0);
  const Layout* layout = TRY(layout_of(t, it->owner));
  if (layout->size == 0) return Value::from_int(0);  // initialised again
  return make_int(t, (view.as<MemoryViewObject>()->size - it->offset.load()) / layout->size);
}

Result<Value> struct_format(Thread& t, Value self) {
  TRY(layout_of(t, self));
  return self.as<StructObject>()->format.get();
}
Result<Value> struct_size(Thread& t, Value self) { return make_int(t, TRY(layout_of(t, self))->size); }
Result<Value> struct_repr(Thread& t, Value self) {
  TRY(layout_of(t, self));
  return str_or_error(
      make_str(t, fmt::format("{}({})", "_struct.Struct", repr_text(t, self.as<StructObject>()->format))));
}

const GetSetDef kStructGetSets[] = {{"format", struct_format, nullptr, "struct format string"},
                                    {"size", struct_size, nullptr, "struct size in bytes"},
                                    {}};
const NativeDef kStructMethods[] = {
    MP_RAW_NEW(struct_new, "__new__(cls, *args, **kwargs)", nullptr),
    MP_METHOD(struct_init, "__init__(self, format)", nullptr),
    MP_RAW_METHOD(struct_pack, "pack(self, /, *values)", "S.pack(v1, v2, ...) -> bytes"),
    MP_RAW_METHOD(struct_pack_into, "pack_into(self, buffer, offset, /, *values)", nullptr),
    MP_METHOD(struct_unpack, "unpack(self, buffer, /)", "Return a tuple containing unpacked values."),
    MP_METHOD(struct_unpack_from, "unpack_from(self, /, buffer, offset=0)",
              "Return a tuple containing unpacked values."),
    MP_METHOD(struct_iter_unpack, "iter_unpack(self, buffer, /)", "Return an iterator yielding tuples."),
    MP_END};
const NativeDef kUnpackIteratorMethods[] = {
    MP_METHOD(unpack_iterator_length_hint, "__length_hint__(self, /)", nullptr), MP_END};

const TypeSpec kStructSpec = {
    .name = "_struct.Struct",
    .size = sizeof(StructObject),
    .flags = kTypeBaseType | kTypeHasWeakref,
    .doc = "Struct(fmt) --> compiled struct object",
    .trace = [](Object* o, Tracer& tracer) { tracer.visit(static_cast<StructObject*>(o)->format); },
    .slots = MP_SLOTS(.repr = struct_repr),
    .methods = kStructMethods,
    .getsets = kStructGetSets};
const TypeSpec kUnpackIteratorSpec = {.name = "_struct.unpack_iterator",
                                      .size = sizeof(UnpackIterator),
                                      .flags = kTypeDisallowNew,
                                      .trace =
                                          [](Object* o, Tracer& tracer) {
                                            tracer.visit(static_cast<UnpackIterator*>(o)->owner);
                                            tracer.visit(static_cast<UnpackIterator*>(o)->buffer);
                                          },
                                      .slots = MP_SLOTS(.iter = iterator_self, .next = unpack_iterator_next),
                                      .methods = kUnpackIteratorMethods};

// ---------------------------------------------------------------- functions

Result<Value> module_pack(Thread& t, Value, const CallArgs& args) {
  if (args.count == 0) return t.raise(Exc::TypeError, "missing format argument");
  auto layout = TRY(get_layout(t, args.values[0]));
  return do_pack(t, *layout, args.values + 1, args.count - 1);
}
Result<Value> module_pack_into(Thread& t, Value, const CallArgs& args) {
  if (args.count == 0) return t.raise(Exc::TypeError, "missing format argument");
  auto layout = TRY(get_layout(t, args.values[0]));
  return do_pack_into(t, *layout, args.values + 1, args.count - 1);
}
Result<Value> module_unpack(Thread& t, const Value* args) {
  auto layout = TRY(get_layout(t, args[0]));
  return do_unpack(t, *layout, args[1]);
}
Result<Value> module_unpack_from(Thread& t, const Value* args) {
  auto layout = TRY(get_layout(t, args[0]));
  return do_unpack_from(t, *layout, args[1], args[2]);
}
Result<Value> module_iter_unpack(Thread& t, const Value* args) {
  Value made = TRY(call(t, Value(native_type(t, kStructSpec)), {args[0]}));
  Value call_args[2] = {made, args[1]};
  return struct_iter_unpack(t, call_args);
}
Result<Value> module_calcsize(Thread& t, const Value* args) {
  auto layout = TRY(get_layout(t, args[0]));
  return make_int(t, layout->size);
}
Result<Value> module_clearcache(Thread& t, const Value*) {
  forget_layouts(t);
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(module_clearcache, "_clearcache()", "Clear the internal cache."),
    MP_FUNCTION(module_calcsize, "calcsize(format, /)",
                "Return size in bytes of the struct described by the format string."),
    MP_FUNCTION(module_iter_unpack, "iter_unpack(format, buffer, /)",
                "Return an iterator yielding tuples unpacked from the given bytes."),
    MP_RAW_FUNCTION(module_pack, "pack(format, /, *values)",
                    "Return a bytes object containing the values packed according to the format string."),
    MP_RAW_FUNCTION(module_pack_into, "pack_into(format, buffer, offset, /, *values)", nullptr),
    MP_FUNCTION(module_unpack, "unpack(format, buffer, /)",
                "Return a tuple containing values unpacked according to the format string."),
    MP_FUNCTION(module_unpack_from, "unpack_from(format, /, buffer, offset=0)",
                "Return a tuple containing values unpacked according to the format string."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  Value error;
  TRY(make_error_class(t, &error));
  TRY(module_add(t, module, "error", error));
  return module_add(t, module, "Struct", Value(native_type(t, kStructSpec)));
}

}  // namespace

extern const ModuleSpec kStructModule;
const ModuleSpec kStructModule = {"_struct", "Functions to convert between Python values and C structs.",
                                  kFunctions, init_module};

}  // namespace mp
