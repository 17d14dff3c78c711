// Inline caches: what instructions remember about names, attributes and methods, and how they learn it.
//
// A cache word is, by the form of its instruction:
//   *_SLOT           shape id 32 | slot offset in words 16 | low half of the type's version 16
//   *_MODULE, *_GLOBAL  dict table version 32 | entry index 32
//   the others       pointer to a CacheEntry
//   base forms       zero, or kGenericTag with a countdown to the next attempt: its high word is no shape id,
//   its low bit no pointer's
// SAFETY: with the GIL off another thread may have read the opcode and not its word yet. So a word changes
// only
// - under a base form, which takes any word for what it is: by the one thread that claimed the site (due()),
// - while this thread is the only one, or
// - in a stopped world: no thread stops between reading an opcode and reading its word. What a specialised
// site
//   is to become waits for that, and is generic meanwhile (change()).
#include "vm/exec/interp_values.h"
#include "vm/exec/ops.h"
#include "vm/threads/object_lock.h"
#include "vm/threads/thread_table.h"

namespace mp {
void add_attribute_context(Thread& t, Value object, StrObject* name);  // vm/protocol/attr.cpp
}

namespace mp::ops {

namespace {

constexpr uint32_t kMaxBackoff = 12;
constexpr uint64_t kClaimed = uint64_t{1} << 28;  // in the word of a base form: a thread specialises it now
// Without a GIL a site is counted down in steps, at one execution in so many, by chance: a word that all
// threads write at each execution would be a cache line that none of them has.
constexpr uint32_t kStep = 64;
bool takes_step() {
  thread_local uint32_t tls_chance = 1;  // of the thread of the system: no state of a runtime
  tls_chance = tls_chance * 1664525 + 1013904223;
  return tls_chance < UINT32_MAX / kStep;
}

// What a site is or becomes.
struct Form {
  static constexpr size_t kNoEntry = SIZE_MAX;
  Op op = Op::NOP;
  uint64_t word = 0;
  size_t collections = kNoEntry;  // when the word's entry was found: a later one may have dropped it
};

bool is_current(Thread& t, Form form) {
  return form.collections == Form::kNoEntry || form.collections == t.heap().collections();
}

// Whether a base form shall try to specialise now: then settle() must follow. The first run of an
// instruction never does: cold code pays nothing.
bool due(Thread& t, const Instruction* pc) {
  std::atomic<uint64_t>* word = cache_word(pc);
  uint64_t state = word->load(std::memory_order_relaxed);
  uint64_t next;
  bool now = false;
  if (state == 0) {
    next = kGenericTag;
  } else if ((state >> 32) != 0xffffffffu || (state & kClaimed) != 0) {
    return false;  // another thread's
  } else if (uint32_t countdown = static_cast<uint32_t>(state >> 1) & 0xffff; countdown != 0) {
    uint32_t step = free_threaded(t) && countdown > kStep ? kStep : 1;
    if (step != 1 && !takes_step()) return false;
    next = state - 2 * step;
  } else {
    next = state | kClaimed;
    now = true;
  }
  if (!free_threaded(t)) {
    word->store(next, std::memory_order_relaxed);
    return now;
  }
  return word->compare_exchange_strong(state, next, std::memory_order_relaxed) && now;
}

uint64_t countdown_word(uint32_t backoff) {
  uint64_t countdown = (uint64_t{1} << backoff) - 1;
  return kGenericTag | (countdown << 1) | (uint64_t{backoff} << 20);
}

// What a site remembers beyond its word.
struct Facts {
  Type* type = nullptr;
  uint32_t version = 0;  // of the type or the dict; there is nothing to remember without one
  ShapeId shape = kNoShape;
  Value value = kEmpty;
  uint64_t number = 0;
  CacheKind kind = CacheKind::ClassObject;
};

// nullptr: there is no version, or no memory.
CacheEntry* entry_of(Thread& t, Frame* frame, const Facts& facts) {
  CacheEntry* entry = facts.version == 0 ? nullptr : new_entry(t, frame->code);
  if (entry == nullptr) return nullptr;
  entry->type = facts.type;
  entry->type_version = facts.version;
  entry->shape = facts.shape;
  entry->value = facts.value;
  entry->number = facts.number;
  entry->kind = facts.kind;
  return entry;
}

bool remember(Thread& t, Frame* frame, Op op, const Facts& facts, Form* form) {
  CacheEntry* entry = entry_of(t, frame, facts);
  if (entry == nullptr) return false;
  *form = {op, reinterpret_cast<uint64_t>(entry), t.heap().collections()};
  return true;
}

void put(const Instruction* pc, Form form) {
  cache_word(pc)->store(form.word, std::memory_order_release);
  rewrite(pc, form.op);
}

// After due(): the claim ends.
void settle(Thread& t, const Instruction* pc, bool found, const Form& form) {
  if (found && is_current(t, form)) return put(pc, form);
  uint32_t backoff = static_cast<uint32_t>(cache_word(pc)->load(std::memory_order_relaxed) >> 20) & 0xff;
  cache_word(pc)->store(countdown_word(backoff < kMaxBackoff ? backoff + 2 : kMaxBackoff),
                        std::memory_order_relaxed);
}

// Of a specialised site that did not match.
void change(Thread& t, const Instruction* pc, Form form) {
  if (!free_threaded(t)) return put(pc, form);
  rewrite(pc, lang::op_info(form.op).base);
  run_when_stopped(t, {[](void* site, uint64_t op, uint64_t word) {
                         put(static_cast<const Instruction*>(site), {static_cast<Op>(op), word});
                       },
                       const_cast<Instruction*>(pc), static_cast<uint64_t>(form.op), form.word});
}

// A fixed-size instance with an attribute area: where slot `index` lies, in words from the object; 0: not in
// line.
uint32_t slot_offset(Type* type, int32_t index) {
  if (index < 0 || type->attrs_offset == 0 || type->has(kTypeVariableSize) ||
      index >= type->inline_slot_count)
    return 0;
  uint32_t bytes =
      type->attrs_offset + static_cast<uint32_t>(sizeof(Slot)) * (1 + static_cast<uint32_t>(index));
  return bytes / sizeof(Slot) < 0x10000 ? bytes / static_cast<uint32_t>(sizeof(Slot)) : 0;
}

bool is_data_descriptor(Thread& t, Value v) { return type_of(t, v)->slots.descr_set != nullptr; }
bool is_descriptor(Thread& t, Value v) { return type_of(t, v)->slots.descr_get != nullptr; }

// Attributes of the instances are found the usual way: no __getattr__, no type with rules of its own (super,
// module, ...).
bool plain_get_attr(Thread& t, Type* type) {
  return !type->has(kTypeCustomGetAttr) && type->slots.get_attr == t.types().object->slots.get_attr;
}
bool plain_set_attr(Thread& t, Type* type) {
  return !type->has(kTypeCustomSetAttr) && type->slots.set_attr == t.types().object->slots.set_attr;
}

// A __slots__ field: its place in words from the object; 0: something else.
uint32_t member_slot(Type* type, Value descriptor, bool writing) {
  if (!is_kind(descriptor, Kind::MemberDescriptor)) return 0;
  auto* member = descriptor.as<MemberDescriptorObject>();
  if ((writing && member->read_only) || member->owner == nullptr || !is_subtype(type, member->owner))
    return 0;
  if (!member->owner->has(kTypeHeap) || member->offset % sizeof(Slot) != 0) return 0;
  return member->offset / static_cast<uint32_t>(sizeof(Slot));
}

// A property whose accessor (the given field) is a script function that takes exactly the arguments it gets:
// the instruction pushes its frame. Exact properties only: a subclass may have a __get__ of its own.
bool specialise_property(Thread& t, Frame* frame, Type* type, uint32_t version, Value on_class,
                         Slot PropertyObject::*accessor, Op op, Form* form) {
  if (on_class.as_object()->type() != t.types().property) return false;
  if (!is_kind(on_class.as<PropertyObject>()->*accessor, Kind::Function)) return false;
  return remember(t, frame, op, {.type = type, .version = version, .value = on_class}, form);
}

uint64_t slot_word(ShapeId shape, uint32_t offset, uint32_t version) {
  return (uint64_t{shape} << 32) | (uint64_t{offset} << 16) | (version & 0xffff);
}

// A data descriptor of `type` that is a function in C++.
bool specialise_getset(Thread& t, Frame* frame, Type* type, uint32_t version, Value descriptor, Form* form) {
  if (descriptor.as_object()->type() != t.types().getset_descriptor) return false;
  auto* getset = descriptor.as<GetSetDescriptorObject>();
  if (!is_subtype(type, getset->owner)) return false;
  return remember(t, frame, Op::LOAD_ATTR_CLASS,
                  {.type = type,
                   .version = version,
                   .number = reinterpret_cast<uint64_t>(getset->def->get),
                   .kind = CacheKind::GetSet},
                  form);
}

// ---- what a base form becomes for what it has just met; false: nothing
// The version comes first: without a GIL another thread may change the class or the dict while this one
// looks, and what is remembered for the version before that is never used.

bool specialise_module_attr(Thread& t, ModuleObject* module, StrObject* name, Op op, Form* form) {
  uint32_t version = dict_version(t, module->dict);
  int64_t index = dict_entry_index(module->dict, name);
  if (version == 0 || index < 0) return false;
  *form = {op, (uint64_t{version} << 32) | static_cast<uint32_t>(index)};
  return true;
}

bool specialise_class_attr(Thread& t, Frame* frame, Type* cls, StrObject* name, Form* form) {
  // Only plain classes: a metaclass could have a data descriptor of that name, now or later.
  if (cls->type() != t.types().type) return false;
  uint32_t version = type_version(t, cls);
  Value of_meta = type_lookup(t, t.types().type, name);
  if (!of_meta.is_not_found() && is_data_descriptor(t, of_meta))
    return specialise_getset(t, frame, t.types().type, type_version(t, t.types().type), of_meta, form);
  Value v = type_lookup(t, cls, name);
  if (v.is_not_found()) return false;
  if (is_kind(v, Kind::StaticMethod))
    v = v.as<StaticMethodObject>()->callable;
  else if (!is_kind(v, Kind::Function) && is_descriptor(t, v))
    return false;
  return remember(t, frame, Op::LOAD_ATTR_CLASS,
                  {.type = cls, .version = version, .value = v, .kind = CacheKind::ClassObject}, form);
}

bool specialise_load_attr(Thread& t, Frame* frame, Value object, StrObject* name, Form* form) {
  if (!object.is_object()) return false;
  Object* o = object.as_object();
  Type* type = o->type();
  if (type == t.types().module)
    return specialise_module_attr(t, static_cast<ModuleObject*>(o), name, Op::LOAD_ATTR_MODULE, form);
  if (o->kind() == Kind::Type) return specialise_class_attr(t, frame, static_cast<Type*>(o), name, form);
  uint32_t version = type_version(t, type);
  if (version == 0 || !plain_get_attr(t, type)) return false;
  Value on_class = type_lookup(t, type, name);
  if (!on_class.is_not_found() && is_data_descriptor(t, on_class)) {
    if (is_kind(on_class, Kind::Property))
      return specialise_property(t, frame, type, version, on_class, &PropertyObject::getter,
                                 Op::LOAD_ATTR_PROPERTY, form);
    uint32_t member = member_slot(type, on_class, false);
    if (member == 0) return specialise_getset(t, frame, type, version, on_class, form);
    return remember(t, frame, Op::LOAD_ATTR_CLASS,
                    {.type = type, .version = version, .number = member, .kind = CacheKind::Member}, form);
  }
  ShapeId shape = o->shape();
  if (shape != kNoShape && type->attrs_offset != 0) {
    int32_t index = shape_find(t, shape, name);
    if (index >= 0) {
      uint32_t offset = slot_offset(type, index);
      if (offset == 0) return false;
      *form = {Op::LOAD_ATTR_SLOT, slot_word(shape, offset, version)};
      return true;
    }
  } else if (type->attrs_offset != 0 || type->has(kTypeHasDict)) {
    return false;
  }
  if (on_class.is_not_found()) return false;
  if (is_kind(on_class, Kind::StaticMethod))
    on_class = on_class.as<StaticMethodObject>()->callable;
  else if (is_descriptor(t, on_class))
    return false;
  return remember(
      t, frame, Op::LOAD_ATTR_CLASS,
      {.type = type, .version = version, .shape = shape, .value = on_class, .kind = CacheKind::InstanceClass},
      form);
}

bool specialise_store_attr(Thread& t, Frame* frame, Object* o, StrObject* name, ShapeId before, Form* form) {
  Type* type = o->type();
  uint32_t version = type_version(t, type);
  if (version == 0 || !plain_set_attr(t, type)) return false;
  Value on_class = type_lookup(t, type, name);
  if (!on_class.is_not_found() && is_data_descriptor(t, on_class)) {
    if (is_kind(on_class, Kind::Property))
      return specialise_property(t, frame, type, version, on_class, &PropertyObject::setter,
                                 Op::STORE_ATTR_PROPERTY, form);
    uint32_t member = member_slot(type, on_class, true);
    if (member == 0) return false;
    return remember(t, frame, Op::STORE_ATTR_ADD,
                    {.type = type, .version = version, .number = member, .kind = CacheKind::Member}, form);
  }
  if (before == kNoShape || type->attrs_offset == 0) return false;
  ShapeId after = o->shape();
  if (after == kNoShape) return false;
  int32_t index = shape_find(t, after, name);
  uint32_t offset = slot_offset(type, index);
  if (offset == 0) return false;
  if (before == after) {
    *form = {Op::STORE_ATTR_SLOT, slot_word(after, offset, version)};
    return true;
  }
  Shape* shape = shape_by_id(t, after);
  if (shape == nullptr || shape->parent == nullptr || shape->parent->id != before || shape->key != name)
    return false;
  return remember(t, frame, Op::STORE_ATTR_ADD,
                  {.type = type,
                   .version = version,
                   .shape = before,
                   .number = (uint64_t{offset} << 32) | after,
                   .kind = CacheKind::ShapeSlot},
                  form);
}

// A static or class method, or what else is called through the class itself. A version belongs to one class.
bool specialise_class_method(Thread& t, Frame* frame, Type* cls, StrObject* name, Form* form) {
  if (cls->type() != t.types().type || !type_lookup(t, t.types().type, name).is_not_found()) return false;
  uint32_t version = type_version(t, cls);
  Value v = type_lookup(t, cls, name);
  if (v.is_not_found()) return false;
  MethodSelf self = MethodSelf::None;
  if (is_kind(v, Kind::StaticMethod)) {
    v = v.as<StaticMethodObject>()->callable;
  } else if (is_kind(v, Kind::ClassMethod)) {
    v = v.as<ClassMethodObject>()->callable;
    self = MethodSelf::Class;
    if (!is_kind(v, Kind::Function)) return false;
  } else if (!is_kind(v, Kind::Function) && is_descriptor(t, v)) {
    return false;
  }
  return remember(t, frame, Op::LOAD_METHOD_BUILTIN,
                  {.version = version, .value = v, .number = static_cast<uint64_t>(self)}, form);
}

bool specialise_method(Thread& t, Frame* frame, Value object, StrObject* name, Form* form) {
  if (!object.is_object()) return false;
  if (is_type(object)) return specialise_class_method(t, frame, object.as<Type>(), name, form);
  Object* o = object.as_object();
  Type* type = o->type();
  if (type == t.types().module)
    return specialise_module_attr(t, static_cast<ModuleObject*>(o), name, Op::LOAD_METHOD_MODULE, form);
  uint32_t version = type_version(t, type);
  if (version == 0 || !plain_get_attr(t, type)) return false;
  Value on_class = type_lookup(t, type, name);
  if (on_class.is_not_found()) return false;
  bool script = is_kind(on_class, Kind::Function);
  bool native =
      is_kind(on_class, Kind::NativeFunction) && on_class.as_object()->type() == t.types().method_descriptor;
  if (!script && !native) return false;
  ShapeId shape = o->shape();
  bool has_attributes = type->attrs_offset != 0 || type->has(kTypeHasDict);
  if (has_attributes && (shape == kNoShape || shape_find(t, shape, name) >= 0)) return false;
  return remember(t, frame, has_attributes ? Op::LOAD_METHOD_SHAPE : Op::LOAD_METHOD_BUILTIN,
                  {.type = type, .version = version, .shape = shape, .value = on_class}, form);
}

}  // namespace

MP_NOINLINE void cache_miss(Thread& t, const Instruction* pc) {
  Op op = opcode(pc), base = lang::op_info(op).base;
  if (op == base) return;  // another thread was faster
  // Forms whose successor may cost a new entry wait longer: a site that alternates must not fill the heap.
  bool costly = op == Op::STORE_ATTR_SLOT || op == Op::LOAD_METHOD_BUILTIN || op == Op::LOAD_ATTR_PROPERTY ||
                op == Op::STORE_ATTR_PROPERTY;
  change(t, pc, {base, countdown_word(costly ? 10 : 4)});
}

namespace {

// What a form knows as a chain of entries (a slot word becomes an entry), and how long it is.
CacheEntry* known_entries(Thread& t, Frame* frame, Form form, int* length) {
  *length = 0;
  if (form.op == Op::LOAD_ATTR_SLOT) {
    Shape* shape = shape_by_id(t, shape_in(form.word));
    if (shape == nullptr || shape->owner == nullptr) return nullptr;
    uint32_t version = type_version(t, shape->owner);
    if (version == 0 || (version & 0xffff) != (form.word & 0xffff)) return nullptr;
    *length = 1;
    return entry_of(t, frame,
                    {.type = shape->owner,
                     .version = version,
                     .shape = shape->id,
                     .number = (form.word >> 16) & 0xffff,
                     .kind = CacheKind::ShapeSlot});
  }
  auto* entry = reinterpret_cast<CacheEntry*>(form.word);
  for (CacheEntry* e = entry; e != nullptr; e = e->other) ++*length;
  return entry;
}

// The site as it is now; NOP where another thread has just sent it back to its base form. What is learnt
// after this is current as long as this is.
Form current_form(Thread& t, const Instruction* pc) {
  Op op = opcode(pc);
  if (op == lang::op_info(op).base) return {};
  return {op, load_cache(pc), t.heap().collections()};
}

// Too many alternatives, or none that can be cached: generic for a long while.
void give_up(Thread& t, const Instruction* pc, uint32_t backoff) {
  change(t, pc, {lang::op_info(opcode(pc)).base, countdown_word(backoff)});
}

}  // namespace

MP_NOINLINE void attr_miss(Thread& t, Frame* frame, const Instruction* pc, Value object) {
  frame->pc = pc;
  Form old = current_form(t, pc), fresh;
  if (old.op == Op::NOP) return;
  int length, fresh_length;
  CacheEntry* known = known_entries(t, frame, old, &length);
  if (length >= kMaxAlternatives) return give_up(t, pc, kMaxBackoff);
  if (!specialise_load_attr(t, frame, object, name_of(frame, pc->c), &fresh)) return give_up(t, pc, 6);
  if (known != nullptr && fresh.op != Op::LOAD_ATTR_MODULE && fresh.op != Op::LOAD_ATTR_PROPERTY) {
    CacheEntry* entry = known_entries(t, frame, fresh, &fresh_length);
    if (entry != nullptr) {
      entry->other = known;
      fresh = {Op::LOAD_ATTR_CLASS, reinterpret_cast<uint64_t>(entry)};
    }
  }
  if (is_current(t, old)) change(t, pc, fresh);
}

MP_NOINLINE void method_miss(Thread& t, Frame* frame, const Instruction* pc, Value object) {
  frame->pc = pc;
  Form old = current_form(t, pc), fresh;
  if (old.op == Op::NOP) return;
  int length;
  CacheEntry* known = known_entries(t, frame, old, &length);
  if (length >= kMaxAlternatives) return give_up(t, pc, kMaxBackoff);
  if (!specialise_method(t, frame, object, name_of(frame, pc->c), &fresh)) return give_up(t, pc, 6);
  if (fresh.op == Op::LOAD_METHOD_SHAPE) reinterpret_cast<CacheEntry*>(fresh.word)->other = known;
  if (is_current(t, old)) change(t, pc, fresh);
}

MP_NOINLINE bool store_attr_miss(Thread& t, Frame* frame, const Instruction* pc, Value object, Value value) {
  frame->pc = pc;
  StrObject* name = name_of(frame, pc->c);
  ShapeId before = object.is_object() ? object.as_object()->shape() : kNoShape;
  if (set_attr(t, object, name, value).is_error()) return false;
  Form old = current_form(t, pc), fresh;
  if (old.op != Op::STORE_ATTR_ADD) return true;  // script code, or another thread, changed the site
  int length;
  CacheEntry* known = known_entries(t, frame, old, &length);
  if (length >= kMaxAlternatives) {
    give_up(t, pc, kMaxBackoff);
  } else if (!object.is_object() || is_type(object) ||
             !specialise_store_attr(t, frame, object.as_object(), name, before, &fresh)) {
    give_up(t, pc, 6);
  } else {
    if (fresh.op == Op::STORE_ATTR_ADD) reinterpret_cast<CacheEntry*>(fresh.word)->other = known;
    if (is_current(t, old)) change(t, pc, fresh);
  }
  return true;
}

MP_NOINLINE bool add_slot_to_shared(Thread& t, Object* object, const CacheEntry* entry, Value value) {
  ObjectLock lock(t, object);
  if (object->shape() != entry->shape) return false;
  add_slot(object, entry, value);
  return true;
}

Value call_getter(Thread& t, Frame* frame, const Instruction* pc, Value object, uint64_t getter) {
  Value v = reinterpret_cast<Getter>(getter)(t, object).take();
  if (v.is_error()) [[unlikely]]
    add_attribute_context(t, object, name_of(frame, pc->c));
  return v;
}

static bool specialise_global(Thread& t, Frame* frame, StrObject* name, Op module_form, Op builtin_form,
                              Form* form) {
  if (frame->globals->type() != t.types().dict) return false;
  uint32_t version = dict_version(t, frame->globals);
  if (version == 0) return false;
  int64_t index = dict_entry_index(frame->globals, name);
  if (index >= 0) {
    *form = {module_form, (uint64_t{version} << 32) | static_cast<uint32_t>(index)};
    return true;
  }
  if (builtin_form == Op::NOP) return false;
  uint32_t builtins_version = dict_version(t, frame->builtins);
  index = dict_entry_index(frame->builtins, name);
  if (index < 0 || builtins_version == 0 || frame->builtins->type() != t.types().dict) return false;
  return remember(t, frame, builtin_form,
                  {.version = version, .shape = builtins_version, .number = static_cast<uint64_t>(index)},
                  form);
}

static Value global_value(Thread& t, Frame* frame, StrObject* name) {
  for (DictObject* scope : {frame->globals, frame->builtins}) {
    if (scope->type() == t.types().dict) [[likely]] {
      Value v = dict_get_str(scope, name);
      if (!v.is_not_found()) return v;
    } else {  // a subclass may have __missing__ or its own __getitem__
      Value v = get_item(t, scope, name).take();
      if (!v.is_error()) return v;
      if (!t.catch_exception(Exc::KeyError)) return kErrorValue;
    }
  }
  name_error(t, name);
  return kErrorValue;
}

MP_NOINLINE Value load_global(Thread& t, Frame* frame, const Instruction* pc) {
  StrObject* name = name_of(frame, static_cast<uint32_t>(pc->bc()));
  if (due(t, pc)) {
    Form form;
    settle(t, pc, specialise_global(t, frame, name, Op::LOAD_GLOBAL_MODULE, Op::LOAD_GLOBAL_BUILTIN, &form),
           form);
  }
  return global_value(t, frame, name);
}

MP_NOINLINE Value load_name(Thread& t, Frame* frame, const Instruction* pc) {
  StrObject* name = name_of(frame, static_cast<uint32_t>(pc->bc()));
  Value locals = frame->locals;
  if (locals == Value(frame->globals)) {
    if (due(t, pc)) {
      Form form;
      settle(t, pc, specialise_global(t, frame, name, Op::LOAD_NAME_GLOBAL, Op::NOP, &form), form);
    }
    return global_value(t, frame, name);
  }
  if (is_exact(locals, t.types().dict)) {
    Value v = dict_get_str(locals.as<DictObject>(), name);
    if (!v.is_not_found()) return v;
  } else if (!locals.is_empty()) {
    Value v = get_item(t, locals, name).take();
    if (!v.is_error()) return v;
    if (!t.catch_exception(Exc::KeyError)) return kErrorValue;
  }
  return global_value(t, frame, name);
}

MP_NOINLINE Value load_attr(Thread& t, Frame* frame, const Instruction* pc, Value object) {
  StrObject* name = name_of(frame, pc->c);
  if (due(t, pc)) {
    Form form;
    settle(t, pc, specialise_load_attr(t, frame, object, name, &form), form);
  }
  return get_attr(t, object, name).take();
}

MP_NOINLINE bool store_attr(Thread& t, Frame* frame, const Instruction* pc, Value object, Value value) {
  StrObject* name = name_of(frame, pc->c);
  bool try_now = due(t, pc);
  ShapeId before = object.is_object() ? object.as_object()->shape() : kNoShape;
  bool stored = set_attr(t, object, name, value).ok();
  if (try_now) {
    Form form;
    settle(t, pc,
           stored && object.is_object() && !is_type(object) &&
               specialise_store_attr(t, frame, object.as_object(), name, before, &form),
           form);
  }
  return stored;
}

MP_NOINLINE bool load_method(Thread& t, Frame* frame, const Instruction* pc, Value* r) {
  StrObject* name = name_of(frame, pc->c);
  Value object = r[pc->b];
  if (due(t, pc)) {
    Form form;
    settle(t, pc, specialise_method(t, frame, object, name, &form), form);
  }
  Value method{}, self{};
  if (get_method(t, object, name, &method, &self).is_error()) return false;
  r[pc->a] = method;
  r[pc->a + 1] = self;
  return true;
}

// super(cls, self).name without making the super object, where nothing unusual is about.
MP_NOINLINE Value load_super(Thread& t, Frame* frame, const Instruction* pc, Value* r, Value* self_out) {
  Value super_global = r[pc->b], cls = r[pc->b + 1], self = r[pc->b + 2];
  StrObject* name = name_of(frame, pc->c);
  if (super_global == Value(t.types().super) && is_type(cls))
    return super_get_attr(t, cls, self, name, self_out).take();
  Value made = pc->aux != 0 || super_global == Value(t.types().super)
                   ? call(t, super_global, {cls, self}).take()
                   : call(t, super_global).take();
  if (made.is_error()) return made;
  if (self_out == nullptr) return get_attr(t, made, name).take();
  Value method{};
  if (get_method(t, made, name, &method, self_out).is_error()) return kErrorValue;
  return method;
}

}  // namespace mp::ops
