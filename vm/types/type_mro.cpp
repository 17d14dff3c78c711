// The method resolution order (C3), the metaclass of a class, and which base gives the layout.
#include "vm/types/type_internal.h"

namespace mp {

static TupleObject* mro_of(Value cls) { return cls.as<Type>()->mro.load(); }

Result<Value> linearise(Thread& t, Type* type, TupleObject* bases) {
  if (bases->size == 1) {
    TupleObject* above = mro_of((*bases)[0]);
    if (above == nullptr)
      return t.raise(Exc::TypeError, "Cannot extend an incomplete type '{}'",
                     type_name((*bases)[0].as<Type>()));
    TupleObject* mro = allocate_tuple(t, above->size + 1);
    mro->items()[0] = Value(type);
    for (size_t i = 0; i < above->size; ++i) mro->items()[i + 1] = (*above)[i];
    return mro;
  }
  for (size_t i = 0; i < bases->size; ++i) {
    if (mro_of((*bases)[i]) == nullptr)
      return t.raise(Exc::TypeError, "Cannot extend an incomplete type '{}'",
                     type_name((*bases)[i].as<Type>()));
    for (size_t j = i + 1; j < bases->size; ++j)
      if ((*bases)[i] == (*bases)[j])
        return t.raise(Exc::TypeError, "duplicate base class {}", type_name((*bases)[i].as<Type>()));
  }
  // The lists to merge: each base's MRO, then the bases themselves; `heads` says how far each one is used up.
  RootVector result(t);
  result.push_back(Value(type));
  size_t count = bases->size + 1;
  std::vector<TupleObject*> lists;
  std::vector<size_t> heads(count, 0);
  for (size_t i = 0; i < bases->size; ++i) lists.push_back(mro_of((*bases)[i]));
  lists.push_back(bases);
  for (;;) {
    bool any = false;
    Value chosen;
    for (size_t i = 0; i < count && chosen.is_empty(); ++i) {
      if (heads[i] >= lists[i]->size) continue;
      any = true;
      Value candidate = (*lists[i])[heads[i]];
      bool in_tail = false;
      for (size_t j = 0; j < count && !in_tail; ++j)
        for (size_t k = heads[j] + 1; k < lists[j]->size; ++k)
          if ((*lists[j])[k] == candidate) {
            in_tail = true;
            break;
          }
      if (!in_tail) chosen = candidate;
    }
    if (!any) break;
    if (chosen.is_empty()) {
      std::string names;
      std::vector<Type*> seen;
      for (size_t i = 0; i < count; ++i) {
        if (heads[i] >= lists[i]->size) continue;
        auto* head = (*lists[i])[heads[i]].as<Type>();
        bool known = false;
        for (Type* each : seen) known = known || each == head;
        if (known) continue;
        seen.push_back(head);
        names += (names.empty() ? "" : ", ") + type_name(head);
      }
      return t.raise(Exc::TypeError, "Cannot create a consistent method resolution order (MRO) for bases {}",
                     names);
    }
    result.push_back(chosen);
    for (size_t i = 0; i < count; ++i)
      if (heads[i] < lists[i]->size && (*lists[i])[heads[i]] == chosen) ++heads[i];
  }
  return make_tuple(t, result.data(), result.size());
}

bool has_scripted_mro(Thread& t, Type* type) {
  Type* metatype = type->type();
  return metatype != t.types().type &&
         !is_kind(type_lookup(t, metatype, t.names().mro), Kind::NativeFunction);
}

Result<Value> compute_mro(Thread& t, Type* type) {
  if (!has_scripted_mro(t, type)) return linearise(t, type, type->bases.load());
  Value listed = TRY(call_special(t, Value(type), t.names().mro));
  Value tuple = TRY(to_tuple(t, listed));
  auto* mro = tuple.as<TupleObject>();
  Type* solid = solid_base(type);
  for (size_t i = 0; i < mro->size; ++i) {
    if (!is_type((*mro)[i]))
      return t.raise(Exc::TypeError, "mro() returned a non-class ('{}')", type_name(t, (*mro)[i]));
    auto* each = (*mro)[i].as<Type>();
    if (each != type && !is_subtype(solid, solid_base(each)))
      return t.raise(Exc::TypeError, "mro() returned base with unsuitable layout ('{}')", type_name(each));
  }
  return make_tuple(t, reinterpret_cast<const Value*>(mro->items()), mro->size);
}

// Does the class add to its base's layout (other than __dict__ and __weakref__)?
static bool adds_layout(Type* type, Type* base) {
  return type->base_size != base->base_size || type->instance_kind != base->instance_kind;
}

Type* solid_base(Type* type) {
  Type* base = type->base.load();
  if (base == nullptr) return type;
  return adds_layout(type, base) ? type : solid_base(base);
}

Result<Type*> best_base(Thread& t, TupleObject* bases) {
  Type* winner = nullptr;
  Type* result = nullptr;
  for (size_t i = 0; i < bases->size; ++i) {
    if (!is_type((*bases)[i])) return t.raise(Exc::TypeError, "bases must be types");
    auto* base = (*bases)[i].as<Type>();
    if (!base->has(kTypeBaseType))
      return t.raise(Exc::TypeError, "type '{}' is not an acceptable base type", type_full_name(base));
    Type* candidate = solid_base(base);
    if (winner == nullptr) {
      winner = candidate;
      result = base;
    } else if (is_subtype(winner, candidate)) {
    } else if (is_subtype(candidate, winner)) {
      winner = candidate;
      result = base;
    } else {
      return t.raise(Exc::TypeError, "multiple bases have instance lay-out conflict");
    }
  }
  return result;
}

static Type* builtin_base(Type* type) {
  while (type->has(kTypeHeap)) type = type->base.load();
  return type;
}

// The nearest class of the base chain that adds __slots__ fields.
static Type* fields_owner(Type* type) {
  while (type->has(kTypeHeap) && type->base_size == type->base.load()->base_size) type = type->base.load();
  return type;
}

bool same_layout(Type* a, Type* b) {
  constexpr uint32_t kLayoutFlags = kTypeHasDict | kTypeHasWeakref | kTypeVariableSize;
  if (a->base_size != b->base_size || a->instance_kind != b->instance_kind ||
      a->attrs_offset != b->attrs_offset ||
      (a->flags.load() & kLayoutFlags) != (b->flags.load() & kLayoutFlags) ||
      solid_base(builtin_base(a)) != solid_base(builtin_base(b)))
    return false;
  // As CPython: the classes that add the fields are the same, or siblings that add the same names.
  Type* x = fields_owner(a);
  Type* y = fields_owner(b);
  if (x == y) return true;
  if (!x->has(kTypeHeap) || !y->has(kTypeHeap)) return solid_base(x) == solid_base(y);
  if (fields_owner(x->base.load()) != fields_owner(y->base.load())) return false;
  Value p = x->slot_names, q = y->slot_names;
  size_t n = p.is_empty() ? 0 : p.as<TupleObject>()->size, m = q.is_empty() ? 0 : q.as<TupleObject>()->size;
  if (n != m) return false;
  for (size_t i = 0; i < n; ++i)
    if (!((*p.as<TupleObject>())[i] == (*q.as<TupleObject>())[i])) return false;
  return true;
}

Result<Value> compute_metatype(Thread& t, Type* given, TupleObject* bases) {
  Type* winner = given;
  for (size_t i = 0; i < bases->size; ++i) {
    Type* metatype = type_of(t, (*bases)[i]);
    if (is_subtype(winner, metatype)) continue;
    if (is_subtype(metatype, winner)) {
      winner = metatype;
      continue;
    }
    return t.raise(
        Exc::TypeError,
        "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the "
        "metaclasses of all its bases");
  }
  return Value(winner);
}

}  // namespace mp
