// Shapes (hidden classes) and the attribute areas of instances.
#include <cstdlib>
#include <mutex>
#include <vector>

#include "vm/core/check.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_table.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/type_internal.h"

namespace mp {

// Open addressing on the interned key's address. Immutable once published.
struct ShapeTable {
  uint32_t mask;
  struct Entry {
    StrObject* key;
    int32_t slot;
  };
  std::unique_ptr<Entry[]> entries;
};

namespace {
constexpr uint32_t kChunkBits = 12;
constexpr uint32_t kChunkSize = 1u << kChunkBits;
constexpr uint32_t kMaxChunks = 1u << 12;
constexpr uint32_t kMaxChildren = 128;
constexpr uint32_t kWalkLimit = 6;  // up to here, walking the parents beats a table
}  // namespace

struct ShapeTableSet {
  std::mutex mutex;
  Heap* heap = nullptr;
  std::atomic<uint32_t> count{1};  // id 0 is kNoShape
  std::atomic<std::atomic<Shape*>*> chunks[kMaxChunks] = {};

  ~ShapeTableSet() {
    for (uint32_t id = 1; id < count; ++id) {
      Shape* shape = get(id);
      delete shape->table.load();
      delete shape;
    }
    for (auto& chunk : chunks) std::free(chunk.load());
  }
  Shape* get(ShapeId id) {
    return chunks[id >> kChunkBits].load(std::memory_order_acquire)[id & (kChunkSize - 1)].load(
        std::memory_order_acquire);
  }
  // Under the mutex. nullptr when all ids are used up: the caller falls back to dict mode.
  Shape* make(Type* owner, Shape* parent, StrObject* key) {
    uint32_t id = count.load();
    if (id >= kMaxChunks * kChunkSize) return nullptr;
    auto& chunk = chunks[id >> kChunkBits];
    if (chunk.load() == nullptr) {
      // calloc() does not write what is zero already: most of the first chunk is never used.
      void* cells = std::calloc(kChunkSize, sizeof(std::atomic<Shape*>));
      if (cells == nullptr) return nullptr;
      chunk.store(static_cast<std::atomic<Shape*>*>(cells));
    }
    auto* shape = new Shape;
    shape->id = id;
    shape->owner = owner;
    shape->parent = parent;
    shape->key = key;
    shape->count = parent != nullptr ? parent->count + 1 : 0;
    chunk.load()[id & (kChunkSize - 1)].store(shape, std::memory_order_release);
    count.store(id + 1, std::memory_order_release);
    return shape;
  }
};

// Keys stay alive with their shapes; owners are kept by their instances and forgotten when they die.
static void forget_dead_owners(void* context, Tracer&) {
  auto* set = static_cast<ShapeTableSet*>(context);
  uint32_t count = set->count.load();
  for (uint32_t id = 1; id < count; ++id) {
    Shape* shape = set->get(id);
    if (shape->owner != nullptr && !set->heap->is_live(shape->owner)) shape->owner = nullptr;
  }
}
static void scan_shapes(void* context, Tracer& tracer) {
  auto* set = static_cast<ShapeTableSet*>(context);
  uint32_t count = set->count.load();
  for (uint32_t id = 1; id < count; ++id) tracer.visit(set->get(id)->key);
}

void init_shapes(Thread& t) {
  t.runtime().shapes = std::make_shared<ShapeTableSet>();
  t.runtime().shapes->heap = &t.heap();
  t.heap().add_weak_table(forget_dead_owners, t.runtime().shapes.get());
  t.heap().add_root_scanner(scan_shapes, t.runtime().shapes.get());
}

ShapeId make_root_shape(Thread& t, Type* owner) {
  auto& set = *t.runtime().shapes;
  std::lock_guard<std::mutex> guard(set.mutex);
  Shape* shape = set.make(owner, nullptr, nullptr);
  return shape != nullptr ? shape->id : kNoShape;
}

Shape* shape_by_id(Thread& t, ShapeId id) { return t.runtime().shapes->get(id); }

Shape* shape_add(Thread& t, Shape* from, StrObject* name) {
  uint32_t children = 0;
  for (Shape* child = from->first_child.load(std::memory_order_acquire); child != nullptr;
       child = child->next_sibling.load(std::memory_order_acquire), ++children)
    if (child->key == name) return child;
  if (children >= kMaxChildren || from->count >= kMaxShapeSlots) return nullptr;
  auto& set = *t.runtime().shapes;
  std::lock_guard<std::mutex> guard(set.mutex);
  Shape* first = from->first_child.load();
  for (Shape* child = first; child != nullptr; child = child->next_sibling.load())
    if (child->key == name) return child;
  Shape* shape = set.make(from->owner, from, name);
  if (shape == nullptr) return nullptr;
  shape->next_sibling.store(first);
  from->first_child.store(shape, std::memory_order_release);
  return shape;
}

static ShapeTable* build_table(Thread& t, Shape* shape) {
  auto& set = *t.runtime().shapes;
  std::lock_guard<std::mutex> guard(set.mutex);
  if (ShapeTable* table = shape->table.load()) return table;
  auto* table = new ShapeTable;
  uint32_t size = std::bit_ceil(shape->count * 2);
  table->mask = size - 1;
  table->entries = std::make_unique<ShapeTable::Entry[]>(size);
  for (Shape* s = shape; s->parent != nullptr; s = s->parent) {
    uint32_t i = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(s->key) >> 4) & table->mask;
    while (table->entries[i].key != nullptr) i = (i + 1) & table->mask;
    table->entries[i] = {s->key, static_cast<int32_t>(s->count - 1)};
  }
  shape->table.store(table, std::memory_order_release);
  return table;
}

int32_t shape_find(Thread& t, ShapeId id, StrObject* name) {
  Shape* shape = t.runtime().shapes->get(id);
  if (shape->count <= kWalkLimit) {
    for (Shape* s = shape; s->parent != nullptr; s = s->parent)
      if (s->key == name) return static_cast<int32_t>(s->count - 1);
    return -1;
  }
  ShapeTable* table = shape->table.load(std::memory_order_acquire);
  if (table == nullptr) table = build_table(t, shape);
  for (uint32_t i = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(name) >> 4) & table->mask;;
       i = (i + 1) & table->mask) {
    const auto& entry = table->entries[i];
    if (entry.key == name) return entry.slot;
    if (entry.key == nullptr) return -1;
  }
}

AttrArea* instance_attrs(Object* object) {
  const Type* type = object->type();
  if (type->attrs_offset != 0)
    return reinterpret_cast<AttrArea*>(reinterpret_cast<char*>(object) + type->attrs_offset);
  if (!type->has(kTypeVariableSize) || !type->has(kTypeHasDict)) return nullptr;
  // Behind the items, at the next multiple of 8.
  size_t bytes = 0;
  switch (object->kind()) {
    case Kind::Int:
      bytes = sizeof(IntObject) + static_cast<IntObject*>(object)->limb_count() * sizeof(mp_limb_t);
      break;
    case Kind::Str: {
      auto* s = static_cast<StrObject*>(object);
      bytes = sizeof(StrObject) + s->length() * static_cast<size_t>(s->width());
      break;
    }
    case Kind::Bytes: bytes = sizeof(BytesObject) + static_cast<BytesObject*>(object)->size + 1; break;
    case Kind::Tuple:
      bytes = sizeof(TupleObject) + static_cast<TupleObject*>(object)->size * sizeof(Slot);
      break;
    default: MP_UNREACHABLE();
  }
  return reinterpret_cast<AttrArea*>(reinterpret_cast<char*>(object) + ((bytes + 7) & ~size_t{7}));
}

static Value slot_value(const Type* type, AttrArea* area, uint32_t index) {
  Slot* slot = attr_slot(type, area, index);
  return slot != nullptr ? slot->get() : kEmpty;
}

Value instance_get_own(Thread& t, Object* object, StrObject* name) {
  AttrArea* area = instance_attrs(object);
  if (area == nullptr) return kNotFound;
  // An object keeps its class while it has a shape, and a shape it has is not lost before the next safepoint.
  if (ShapeId id = object->shape(); id != kNoShape) {
    int32_t index = shape_find(t, id, name);
    Value v = index >= 0 ? slot_value(object->type(), area, static_cast<uint32_t>(index)) : kEmpty;
    return v.is_empty() ? kNotFound : v;
  }
  DictObject* dict = attr_dict(area->extra);
  return dict != nullptr ? dict_get_str(dict, name) : kNotFound;
}

// Makes room for slot `index`; old arrays stay readable. Under the object's lock.
static Slot* ensure_slot(Thread& t, const Type* type, AttrArea* area, uint32_t index) {
  if (index < type->inline_slot_count) return &area->slots[index];
  uint32_t at = index - type->inline_slot_count;
  AttrOverflow* old = attr_overflow(area->extra);
  if (old == nullptr || at >= old->capacity) {
    size_t wanted = old != nullptr ? old->capacity * 2 : 4;
    while (wanted <= at) wanted *= 2;
    auto* grown = static_cast<AttrOverflow*>(
        t.heap().allocate_raw(t, offsetof(AttrOverflow, slots) + wanted * sizeof(Slot)));
    if (grown == nullptr) return nullptr;
    grown->capacity = wanted;
    if (old != nullptr)
      for (size_t i = 0; i < old->capacity; ++i) grown->slots[i] = old->slots[i];
    area->extra = Value(reinterpret_cast<uint64_t>(grown) | 8);
    old = grown;
  }
  return &old->slots[at];
}

bool instance_add_slot(Thread& t, Object* object, Shape* from, Shape* to, Value value) {
  ObjectLock lock(t, object);
  if (object->shape() != from->id) return false;
  Slot* slot = ensure_slot(t, object->type(), instance_attrs(object), to->count - 1);
  if (slot == nullptr) return false;
  slot->set(value);
  object->set_shape(to->id);
  return true;
}

static void fill_from_shape(Thread& t, const Type* type, AttrArea* area, Shape* shape, DictObject* dict) {
  StrObject* keys[kMaxShapeSlots];
  for (Shape* s = shape; s->parent != nullptr; s = s->parent) keys[s->count - 1] = s->key;
  for (uint32_t i = 0; i < shape->count; ++i) {
    Value v = slot_value(type, area, i);
    if (!v.is_empty()) (void)dict_set_str(t, dict, keys[i], v);
  }
}

void instance_to_dict_mode(Thread& t, Object* object) {
  AttrArea* area = instance_attrs(object);
  if (area == nullptr || object->shape() == kNoShape) return;
  DictObject* dict = make_dict(t);
  Exclusive alone(t);  // who reads attributes, or changes them without a lock, is done when the world stops
  ShapeId id = object->shape();
  if (id == kNoShape) return;
  fill_from_shape(t, object->type(), area, shape_by_id(t, id), dict);
  area->extra = Value(dict);
  object->set_shape(kNoShape);
}

DictObject* instance_attrs_copy(Thread& t, Object* object) {
  AttrArea* area = instance_attrs(object);
  if (area == nullptr) return make_dict(t);
  ShapeId id = object->shape();
  if (id == kNoShape) {
    DictObject* own = attr_dict(area->extra);
    DictObject* copy = own == nullptr ? make_dict(t) : dict_copy(t, own);
    MP_CHECK(copy != nullptr, "out of memory while copying attributes");
    return copy;
  }
  DictObject* dict = make_dict(t);
  fill_from_shape(t, object->type(), area, shape_by_id(t, id), dict);
  return dict;
}

// The dict of an object in dict mode, made on first use.
static DictObject* mode_dict(Thread& t, AttrArea* area) {
  if (DictObject* own = attr_dict(area->extra)) return own;
  DictObject* dict = make_dict(t);
  return area->extra.compare_exchange(kEmpty, Value(dict)) ? dict : area->extra.get().as<DictObject>();
}

// True when done; false: absent (delete) or try again in dict mode.
enum class Own { Done, Absent, Retry };
static Own set_in_shape(Thread& t, Object* object, ShapeId id, AttrArea* area, StrObject* name, Value value) {
  int32_t index = shape_find(t, id, name);
  if (index >= 0) {
    Shape* shape = shape_by_id(t, id);
    ObjectLock lock(t, object);
    if (object->shape() != id) return Own::Retry;
    Slot* slot = attr_slot(object->type(), area, static_cast<uint32_t>(index));
    bool present = slot != nullptr && !slot->get().is_empty();
    if (present) {
      slot->set(value);
      return Own::Done;
    }
    if (value.is_empty()) return Own::Absent;
    // A hole: only the last key may come back in its place, or the order of __dict__ would change.
    if (slot != nullptr && static_cast<uint32_t>(index) + 1 == shape->count) {
      slot->set(value);
      return Own::Done;
    }
  } else if (value.is_empty()) {
    return Own::Absent;
  } else {
    Shape* from = shape_by_id(t, id);
    Shape* to = shape_add(t, from, name);
    if (to != nullptr) return instance_add_slot(t, object, from, to, value) ? Own::Done : Own::Retry;
  }
  instance_to_dict_mode(t, object);
  return Own::Retry;
}

Status instance_set_own(Thread& t, Object* object, StrObject* name, Value value) {
  AttrArea* area = instance_attrs(object);
  if (area == nullptr) return raise_no_attribute(t, Value(object), name);
  while (ShapeId id = object->shape()) {
    Own own = set_in_shape(t, object, id, area, name, value);
    if (own == Own::Done) return {};
    if (own == Own::Absent) return raise_no_attribute(t, Value(object), name);
  }
  DictObject* dict = mode_dict(t, area);
  if (!value.is_empty()) return dict_set_str(t, dict, name, value);
  if (!TRY(dict_delete(t, dict, Value(name)))) return raise_no_attribute(t, Value(object), name);
  return {};
}

Result<Value> instance_dict(Thread& t, Object* object) {
  AttrArea* area = instance_attrs(object);
  if (area == nullptr) return raise_no_attribute(t, Value(object), t.names().__dict__);
  instance_to_dict_mode(t, object);
  return mode_dict(t, area);
}

Status instance_set_dict(Thread& t, Object* object, Value dict) {
  AttrArea* area = instance_attrs(object);
  if (area == nullptr) return raise_no_attribute(t, Value(object), t.names().__dict__);
  if (!dict.is_empty() && !is_dict(dict))
    return t.raise(Exc::TypeError, "__dict__ must be set to a dictionary, not a '{}'", type_name(t, dict));
  instance_to_dict_mode(t, object);
  area->extra = dict;
  return {};
}

void trace_attrs(Object* object, Tracer& tracer) {
  const Type* type = object->type();
  if (type->fields_offset != 0 && type->fields_offset < type->base_size) {
    auto* fields = reinterpret_cast<Slot*>(reinterpret_cast<char*>(object) + type->fields_offset);
    tracer.visit_slots(fields, (type->base_size - type->fields_offset) / sizeof(Slot));
  }
  AttrArea* area = instance_attrs(object);
  if (area == nullptr) return;
  tracer.visit(attr_dict(area->extra));
  if (object->shape() == kNoShape) return;
  tracer.visit_slots(area->slots, type->inline_slot_count);
  if (AttrOverflow* overflow = attr_overflow(area->extra)) {
    tracer.mark_raw(overflow);
    tracer.visit_slots(overflow->slots, overflow->capacity);
  }
}

size_t instance_attr_count(Thread& t, Object* object) {
  AttrArea* area = instance_attrs(object);
  if (area == nullptr) return 0;
  const Type* type = object->type();
  ShapeId id = object->shape();
  if (id == kNoShape) {
    DictObject* dict = attr_dict(area->extra);
    return dict == nullptr ? 0 : dict->length();
  }
  size_t count = 0;
  for (uint32_t i = 0; i < shape_by_id(t, id)->count; ++i)
    if (!slot_value(type, area, i).is_empty()) ++count;
  return count;
}

}  // namespace mp
