// The interpreter loop. Hot paths are here; everything else is out of line in ops*.cpp, calls.cpp,
// inline_cache.cpp and unwind.cpp, so that the loop's state (pc, registers, frame, constants, thread) stays
// in machine registers.
#include "vm/exec/interp.h"

#include "vm/exec/cold_ops.h"
#include "vm/exec/interp_values.h"
#include "vm/exec/ops.h"
#include "vm/threads/object_lock.h"
#include "vm/types/iterator_support.h"

namespace mp {

using lang::Instruction;
using lang::Op;
using namespace ops;

namespace {

#define NEXT(words) \
  do {              \
    pc += (words);  \
    DISPATCH();     \
  } while (0)
#define DISPATCH()                                             \
  do {                                                         \
    if constexpr (kInstrumented) goto instrumented;            \
    goto* kLabels[__atomic_load_n(&pc->op, __ATOMIC_RELAXED)]; \
  } while (0)
#define SAVE() (frame->pc = pc)
// The value of a Result<Value> or Value expression; goes to `raised` on error.
#define VALUE(expression)                              \
  ({                                                   \
    SAVE();                                            \
    Value mp_value = Result<Value>(expression).take(); \
    if (mp_value.is_error()) [[unlikely]]              \
      goto raised;                                     \
    mp_value;                                          \
  })
#define CHECK(condition)           \
  do {                             \
    SAVE();                        \
    if (!(condition)) [[unlikely]] \
      goto raised;                 \
  } while (0)
#define INTERRUPTED() __builtin_expect(t.interrupt_word.load(std::memory_order_relaxed) != 0, 0)
#define LOAD_FRAME()            \
  do {                          \
    r = frame->registers;       \
    k = frame->code->constants; \
    pc = frame->pc;             \
  } while (0)

// Whether the loop's item goes through a temporary to an UNPACK at the head of the body and nowhere else.
inline bool unpacks_item(const Frame* frame, const Instruction* loop, const Instruction* body) {
  return lang::op_info(opcode(body)).base == Op::UNPACK && body->b == loop->a &&
         loop->a >= frame->code->first_temporary;
}

template <bool kInstrumented>
Value run(Thread& t, Frame* frame, bool throwing) {
  static const void* const kLabels[256] = {
#define OP(NAME, A, B, C, EXTRA, CACHE, EFFECTS, SITE, DOC) &&op_##NAME,
#define SPECIALISED(NAME, BASE, DOC) &&op_##NAME,
#include "lang/opcodes.def"
  };
  const Instruction* pc;
  Value* r;
  Slot* k;
  // What a call hands to the shared code that pushes a frame.
  FunctionObject* callee = nullptr;
  const Value* call_values = nullptr;
  uint32_t call_control = 0;
  // What leaves a frame, goes into a generator, comes out of it.
  Value result;
  Value yielded;
  Value sent;
  GeneratorObject* resumed = nullptr;
  uint32_t mode = 0;

  LOAD_FRAME();
  if (throwing) goto raised;
  DISPATCH();

instrumented:
  if constexpr (kInstrumented) {
    SAVE();
    if (!trace_instruction(t, frame)) goto raised;
    pc = frame->pc;
    goto* kLabels[__atomic_load_n(&pc->op, __ATOMIC_RELAXED)];
  }

  // ------------------------------------------------------------------ registers, constants, cells
op_NOP:
  NEXT(1);
op_MOVE:
  r[pc->a] = r[pc->b];
  NEXT(1);
op_MOVE_PAIR : {
  Value x = r[pc->b], y = r[pc->c];
  r[pc->a] = x;
  r[pc->a + 1] = y;
  NEXT(1);
}
op_LOAD_CONST:
  r[pc->a] = k[static_cast<uint32_t>(pc->bc())].get();
  NEXT(1);
op_LOAD_INT:
  r[pc->a] = Value::from_int(pc->bc());
  NEXT(1);
op_LOAD_NONE:
  r[pc->a] = kNone;
  NEXT(1);
op_CLEAR:
  r[pc->a] = kEmpty;
  NEXT(1);
op_CHECK_BOUND:
  if (r[pc->a].is_empty()) [[unlikely]] {
    SAVE();
    unbound_error(t, frame, pc->a);
    goto raised;
  }
  NEXT(1);
op_MAKE_CELL : {
  Value content = pc->aux != 0 ? r[pc->b] : kEmpty;
  r[pc->a] = make_cell(t, content);
  NEXT(1);
}
op_COPY_FREE : {
  const Slot* cells = frame->function->closure.get().as<TupleObject>()->items();
  for (int32_t i = 0, n = pc->bc(); i < n; ++i) r[pc->a + i] = cells[i].get();
  NEXT(1);
}
op_LOAD_DEREF : {
  Value v = r[pc->b].as<CellObject>()->content;
  if (v.is_empty()) [[unlikely]] {
    SAVE();
    unbound_cell_error(t, frame, pc->b);
    goto raised;
  }
  r[pc->a] = v;
  NEXT(1);
}
op_STORE_DEREF:
  r[pc->a].as<CellObject>()->content = r[pc->b];
  NEXT(1);
op_CLEAR_DEREF:
  r[pc->a].as<CellObject>()->content = kEmpty;
  NEXT(1);

  // ------------------------------------------------------------------ names
op_LOAD_GLOBAL_MODULE : {
  uint64_t word = load_cache(pc);
  DictTable* table = frame->globals->table.load(std::memory_order_acquire);
  if (table->version.load(std::memory_order_relaxed) == static_cast<uint32_t>(word >> 32)) [[likely]] {
    Value v = table->entries()[static_cast<uint32_t>(word)].value;
    if (!v.is_empty()) [[likely]] {
      r[pc->a] = v;
      NEXT(2);
    }
  }
  cache_miss(t, pc);
  goto op_LOAD_GLOBAL;
}
op_LOAD_GLOBAL_BUILTIN : {
  auto* entry = reinterpret_cast<CacheEntry*>(load_cache(pc));
  DictTable* table = frame->globals->table.load(std::memory_order_acquire);
  DictTable* builtins = frame->builtins->table.load(std::memory_order_acquire);
  if (table->version.load(std::memory_order_relaxed) == entry->type_version &&
      builtins->version.load(std::memory_order_relaxed) == entry->shape) [[likely]] {
    Value v = builtins->entries()[entry->number].value;
    if (!v.is_empty()) [[likely]] {
      r[pc->a] = v;
      NEXT(2);
    }
  }
  cache_miss(t, pc);
  goto op_LOAD_GLOBAL;
}
op_LOAD_GLOBAL : {
  Value v = VALUE(load_global(t, frame, pc));
  r[pc->a] = v;
  NEXT(2);
}
op_STORE_GLOBAL:
  CHECK(store_global(t, frame, pc, r[pc->a]));
  NEXT(2);
op_LOAD_NAME_GLOBAL : {
  uint64_t word = load_cache(pc);
  DictTable* table = frame->globals->table.load(std::memory_order_acquire);
  if (table->version.load(std::memory_order_relaxed) == static_cast<uint32_t>(word >> 32) &&
      frame->locals == Value(frame->globals)) [[likely]] {
    Value v = table->entries()[static_cast<uint32_t>(word)].value;
    if (!v.is_empty()) [[likely]] {
      r[pc->a] = v;
      NEXT(2);
    }
  }
  cache_miss(t, pc);
  goto op_LOAD_NAME;
}
op_LOAD_NAME_BUILTIN:
op_LOAD_NAME : {
  Value v = VALUE(load_name(t, frame, pc));
  r[pc->a] = v;
  NEXT(2);
}
op_STORE_NAME:
  CHECK(store_name(t, frame, pc, r[pc->a]));
  NEXT(2);

  // ------------------------------------------------------------------ attributes
op_LOAD_ATTR_SLOT : {
  Value o = r[pc->b];
  uint64_t word = load_cache(pc);
  if (o.is_object() && matches_shape(o.as_object(), word)) [[likely]] {
    Value v = *slot_at(o.as_object(), word);
    if (!v.is_empty()) [[likely]] {
      r[pc->a] = v;
      NEXT(2);
    }
  }
  attr_miss(t, frame, pc, o);
  goto op_LOAD_ATTR;
}
op_LOAD_ATTR_CLASS : {  // several shapes, or an attribute that is not in a slot of the shape
  Value o = r[pc->b];
  auto* entry = reinterpret_cast<CacheEntry*>(load_cache(pc));
  if (o.is_object()) [[likely]] {
    Object* object = o.as_object();
    do {
      Type* type = entry->type;
      if (type->version.load(std::memory_order_relaxed) == entry->type_version) [[likely]] {
        Value v{};
        switch (entry->kind) {
          case CacheKind::ShapeSlot:
            if (object->shape() == entry->shape) v = reinterpret_cast<Slot*>(object)[entry->number];
            break;
          case CacheKind::Member:
            if (object->type() == type) v = reinterpret_cast<Slot*>(object)[entry->number];
            break;
          case CacheKind::InstanceClass:
            if (object->type() == type && object->shape() == entry->shape) v = entry->value;
            break;
          case CacheKind::ClassObject:
            if (object == type) v = entry->value;
            break;
        }
        if (!v.is_empty()) [[likely]] {
          r[pc->a] = v;
          NEXT(2);
        }
      }
      entry = entry->other;
    } while (entry != nullptr);
  }
  attr_miss(t, frame, pc, o);
  goto op_LOAD_ATTR;
}
op_LOAD_ATTR_MODULE : {
  Value o = r[pc->b];
  uint64_t word = load_cache(pc);
  if (is_kind(o, Kind::Module) && o.as_object()->type() == t.types().module) [[likely]] {
    DictTable* table = o.as<ModuleObject>()->dict->table.load(std::memory_order_acquire);
    if (table->version.load(std::memory_order_relaxed) == static_cast<uint32_t>(word >> 32)) [[likely]] {
      Value v = table->entries()[static_cast<uint32_t>(word)].value;
      if (!v.is_empty()) [[likely]] {
        r[pc->a] = v;
        NEXT(2);
      }
    }
  }
  cache_miss(t, pc);
  goto op_LOAD_ATTR;
}
op_LOAD_ATTR_PROPERTY : {
  Value o = r[pc->b];
  auto* entry = reinterpret_cast<CacheEntry*>(load_cache(pc));
  if (o.is_object() && o.as_object()->type() == entry->type &&
      entry->type->version.load(std::memory_order_relaxed) == entry->type_version) [[likely]] {
    Value getter = entry->value.get().as<PropertyObject>()->getter;
    if (is_kind(getter, Kind::Function)) [[likely]] {
      callee = getter.as<FunctionObject>();
      call_values = r + pc->b;
      call_control = control_word(0, 2, pc->a);
      if (callee->code->exact_positional == 1) goto push_exact;
    }
  }
  cache_miss(t, pc);
  goto op_LOAD_ATTR;
}
op_LOAD_ATTR : {
  Value v = VALUE(load_attr(t, frame, pc, r[pc->b]));
  r[pc->a] = v;
  NEXT(2);
}
op_STORE_ATTR_SLOT : {
  Value o = r[pc->b];
  uint64_t word = load_cache(pc);
  if (o.is_object() && matches_shape(o.as_object(), word)) [[likely]] {
    Slot* slot = slot_at(o.as_object(), word);
    if (!slot->get().is_empty()) [[likely]] {
      *slot = r[pc->a];
      NEXT(2);
    }
  }
  cache_miss(t, pc);
  goto op_STORE_ATTR;
}
op_STORE_ATTR_ADD : {
  Value o = r[pc->b];
  auto* entry = reinterpret_cast<CacheEntry*>(load_cache(pc));
  if (o.is_object()) [[likely]] {
    Object* object = o.as_object();
    ObjectLock lock(t, object);
    do {
      if (entry->type->version.load(std::memory_order_relaxed) == entry->type_version) [[likely]] {
        if (entry->kind == CacheKind::Member) {
          if (object->type() == entry->type) {
            reinterpret_cast<Slot*>(object)[entry->number] = r[pc->a];
            goto stored_attr;
          }
        } else if (object->shape() == entry->shape) {
          reinterpret_cast<Slot*>(object)[entry->number >> 32] = r[pc->a];
          object->set_shape(static_cast<uint32_t>(entry->number));
          goto stored_attr;
        }
      }
      entry = entry->other;
    } while (entry != nullptr);
  }
  CHECK(store_attr_miss(t, frame, pc, o, r[pc->a]));
stored_attr:
  NEXT(2);
}
op_STORE_ATTR_PROPERTY : {
  Value o = r[pc->b];
  auto* entry = reinterpret_cast<CacheEntry*>(load_cache(pc));
  if (o.is_object() && o.as_object()->type() == entry->type &&
      entry->type->version.load(std::memory_order_relaxed) == entry->type_version) [[likely]] {
    Value setter = entry->value.get().as<PropertyObject>()->setter;
    if (is_kind(setter, Kind::Function) && has_room(t, 2)) [[likely]] {
      callee = setter.as<FunctionObject>();
      Value* arguments = fresh_registers(t);
      arguments[0] = o;
      arguments[1] = r[pc->a];
      call_values = arguments;
      call_control = control_word(kFrameDiscard, 2, 0);
      if (callee->code->exact_positional == 2) goto push_exact;
    }
  }
  cache_miss(t, pc);
  goto op_STORE_ATTR;
}
op_STORE_ATTR:
  CHECK(store_attr(t, frame, pc, r[pc->b], r[pc->a]));
  NEXT(2);
op_LOAD_METHOD_SHAPE : {
  Value o = r[pc->b];
  auto* entry = reinterpret_cast<CacheEntry*>(load_cache(pc));
  if (o.is_object()) [[likely]] {
    ShapeId shape = o.as_object()->shape();
    do {
      if (shape == entry->shape &&
          entry->type->version.load(std::memory_order_relaxed) == entry->type_version) [[likely]] {
        r[pc->a] = entry->value.get();
        r[pc->a + 1] = o;
        NEXT(2);
      }
      entry = entry->other;
    } while (entry != nullptr);
  }
  method_miss(t, frame, pc, o);
  goto op_LOAD_METHOD;
}
op_LOAD_METHOD_BUILTIN : {
  Value o = r[pc->b];
  auto* entry = reinterpret_cast<CacheEntry*>(load_cache(pc));
  if (o.is_object() && o.as_object()->type() == entry->type &&
      entry->type->version.load(std::memory_order_relaxed) == entry->type_version) [[likely]] {
    r[pc->a] = entry->value.get();
    r[pc->a + 1] = o;
    NEXT(2);
  }
  cache_miss(t, pc);
  goto op_LOAD_METHOD;
}
op_LOAD_METHOD:
  CHECK(load_method(t, frame, pc, r));
  NEXT(2);
op_LOAD_SUPER_ATTR : {
  Value v = VALUE(load_super(t, frame, pc, r, nullptr));
  r[pc->a] = v;
  NEXT(2);
}
op_LOAD_SUPER_METHOD : {
  Value self{};
  Value v = VALUE(load_super(t, frame, pc, r, &self));
  r[pc->a] = v;
  r[pc->a + 1] = self;
  NEXT(2);
}

  // ------------------------------------------------------------------ subscripts
op_SUBSCRIPT_LIST_INT : {
  Value container = r[pc->b], key = r[pc->c];
  if (is_exact(container, t.types().list) && key.is_int()) [[likely]] {
    auto* list = container.as<ListObject>();
    int64_t i = key.as_int();
    if (i < 0) i += static_cast<int64_t>(list->length());
    Value v = i >= 0 ? list->at(static_cast<size_t>(i)) : kEmpty;
    if (!v.is_empty()) [[likely]] {
      r[pc->a] = v;
      NEXT(2);
    }
  }
  goto op_SUBSCRIPT;
}
op_SUBSCRIPT_TUPLE_INT : {
  Value container = r[pc->b], key = r[pc->c];
  if (is_exact(container, t.types().tuple) && key.is_int()) [[likely]] {
    auto* tuple = container.as<TupleObject>();
    int64_t i = key.as_int();
    if (i < 0) i += static_cast<int64_t>(tuple->size);
    if (static_cast<uint64_t>(i) < tuple->size) [[likely]] {
      r[pc->a] = (*tuple)[static_cast<size_t>(i)];
      NEXT(2);
    }
  }
  goto op_SUBSCRIPT;
}
op_SUBSCRIPT_DICT : {
  Value container = r[pc->b], key = r[pc->c];
  if (is_exact(container, t.types().dict)) [[likely]] {
    Value v = VALUE(dict_get(t, container.as<DictObject>(), key));
    if (!v.is_not_found()) [[likely]] {
      r[pc->a] = v;
      NEXT(2);
    }
    t.raise_value(Exc::KeyError, key);
    goto raised;
  }
  goto op_SUBSCRIPT;
}
op_SUBSCRIPT_STR_INT:
op_SUBSCRIPT : {
  Value v = VALUE(subscript(t, pc, r[pc->b], r[pc->c]));
  r[pc->a] = v;
  NEXT(2);
}
op_SUBSCRIPT_IMM : {
  Value container = r[pc->b];
  int64_t i = pc->sc();
  if (container.is_object()) [[likely]] {
    Type* type = container.as_object()->type();
    if (type == t.types().list) {
      auto* list = container.as<ListObject>();
      if (i < 0) i += static_cast<int64_t>(list->length());
      Value v = i >= 0 ? list->at(static_cast<size_t>(i)) : kEmpty;
      if (!v.is_empty()) [[likely]] {
        r[pc->a] = v;
        NEXT(2);
      }
    } else if (type == t.types().tuple) {
      auto* tuple = container.as<TupleObject>();
      if (i < 0) i += static_cast<int64_t>(tuple->size);
      if (static_cast<uint64_t>(i) < tuple->size) [[likely]] {
        r[pc->a] = (*tuple)[static_cast<size_t>(i)];
        NEXT(2);
      }
    }
  }
  Value v = VALUE(subscript(t, pc, container, Value::from_int(pc->sc())));
  r[pc->a] = v;
  NEXT(2);
}
op_STORE_SUBSCRIPT_LIST_INT : {
  Value container = r[pc->b], key = r[pc->c];
  if (is_exact(container, t.types().list) && key.is_int()) [[likely]] {
    auto* list = container.as<ListObject>();
    ObjectLock lock(t, list);
    int64_t i = key.as_int();
    if (i < 0) i += static_cast<int64_t>(list->length());
    if (static_cast<uint64_t>(i) < list->length()) [[likely]] {
      list->array.load(std::memory_order_acquire)->items()[i] = r[pc->a];
      goto stored_item;
    }
  }
  goto op_STORE_SUBSCRIPT;
stored_item:
  NEXT(2);
}
op_STORE_SUBSCRIPT_DICT : {
  Value container = r[pc->b];
  if (is_exact(container, t.types().dict)) [[likely]] {
    CHECK(dict_set(t, container.as<DictObject>(), r[pc->c], r[pc->a]).ok());
    NEXT(2);
  }
  goto op_STORE_SUBSCRIPT;
}
op_STORE_SUBSCRIPT:
  CHECK(store_subscript(t, pc, r[pc->b], r[pc->c], r[pc->a]));
  NEXT(2);

  // ------------------------------------------------------------------ arithmetic
binary_slow : {
  Value v = VALUE(binary_slow(t, pc, r));
  r[pc->a] = v;
  NEXT(1);
}
#define FLOAT_RESULT(expression)                                                                     \
  do {                                                                                               \
    double mp_d = (expression);                                                                      \
    r[pc->a] = Value::fits_float(mp_d) ? Value::from_float_inline(mp_d) : make_float_boxed(t, mp_d); \
    NEXT(1);                                                                                         \
  } while (0)
op_ADD_INT:
op_ADD_FLOAT:
op_ADD_STR:
op_ADD : {
  Value x = r[pc->b], y = r[pc->c];
  int64_t z;
  if (both_ints(x, y)) [[likely]] {
    if (__builtin_add_overflow(raw(x) - 1, raw(y), &z)) [[unlikely]]
      goto binary_slow;
    r[pc->a] = from_raw(z);
    NEXT(1);
  }
  if (both_floats(x, y)) FLOAT_RESULT(x.as_float_inline() + y.as_float_inline());
  goto binary_slow;
}
op_SUB_INT:
op_SUB_FLOAT:
op_SUB : {
  Value x = r[pc->b], y = r[pc->c];
  int64_t z;
  if (both_ints(x, y)) [[likely]] {
    if (__builtin_sub_overflow(raw(x), raw(y), &z)) [[unlikely]]
      goto binary_slow;
    r[pc->a] = from_raw(z | 1);
    NEXT(1);
  }
  if (both_floats(x, y)) FLOAT_RESULT(x.as_float_inline() - y.as_float_inline());
  goto binary_slow;
}
op_MUL_INT:
op_MUL_FLOAT:
op_MUL : {
  Value x = r[pc->b], y = r[pc->c];
  int64_t z;
  if (both_ints(x, y)) [[likely]] {
    if (__builtin_mul_overflow(raw(x) - 1, y.as_int(), &z)) [[unlikely]]
      goto binary_slow;
    r[pc->a] = from_raw(z | 1);
    NEXT(1);
  }
  if (both_floats(x, y)) FLOAT_RESULT(x.as_float_inline() * y.as_float_inline());
  goto binary_slow;
}
op_DIV_FLOAT:
op_DIV : {
  Value x = r[pc->b], y = r[pc->c];
  if (both_floats(x, y)) {
    double divisor = y.as_float_inline();
    if (divisor != 0) [[likely]]
      FLOAT_RESULT(x.as_float_inline() / divisor);
  } else if (both_ints(x, y)) {
    int64_t a = x.as_int(), b = y.as_int();
    constexpr int64_t kExact = int64_t{1} << 53;
    if (b != 0 && a <= kExact && a >= -kExact && b <= kExact && b >= -kExact)
      FLOAT_RESULT(static_cast<double>(a) / static_cast<double>(b));
  }
  goto binary_slow;
}
op_FLOORDIV : {
  Value x = r[pc->b], y = r[pc->c];
  if (both_ints(x, y) && y.as_int() > 0) [[likely]] {
    r[pc->a] = Value::from_int(floor_divide(x.as_int(), y.as_int()));
    NEXT(1);
  }
  goto binary_slow;
}
op_MOD : {
  Value x = r[pc->b], y = r[pc->c];
  if (both_ints(x, y) && y.as_int() > 0) [[likely]] {
    r[pc->a] = Value::from_int(floor_modulo(x.as_int(), y.as_int()));
    NEXT(1);
  }
  goto binary_slow;
}
op_AND : {
  Value x = r[pc->b], y = r[pc->c];
  if (both_ints(x, y)) [[likely]] {
    r[pc->a] = Value(x.bits() & y.bits());
    NEXT(1);
  }
  goto binary_slow;
}
op_OR : {
  Value x = r[pc->b], y = r[pc->c];
  if (both_ints(x, y)) [[likely]] {
    r[pc->a] = Value(x.bits() | y.bits());
    NEXT(1);
  }
  goto binary_slow;
}
op_XOR : {
  Value x = r[pc->b], y = r[pc->c];
  if (both_ints(x, y)) [[likely]] {
    r[pc->a] = Value((x.bits() ^ y.bits()) | 1);
    NEXT(1);
  }
  goto binary_slow;
}
op_LSHIFT : {
  Value x = r[pc->b], y = r[pc->c];
  if (both_ints(x, y)) [[likely]] {
    int64_t n = y.as_int(), a = x.as_int();
    if (n >= 0 && n < 62) {
      int64_t shifted = static_cast<int64_t>(static_cast<uint64_t>(a) << n);
      if ((shifted >> n) == a && Value::fits_int(shifted)) {
        r[pc->a] = Value::from_int(shifted);
        NEXT(1);
      }
    }
  }
  goto binary_slow;
}
op_RSHIFT : {
  Value x = r[pc->b], y = r[pc->c];
  if (both_ints(x, y) && y.as_int() >= 0) [[likely]] {
    int64_t n = y.as_int();
    r[pc->a] = Value::from_int(x.as_int() >> (n > 63 ? 63 : n));
    NEXT(1);
  }
  goto binary_slow;
}
op_POW:
op_MATMUL:
op_POW_IMM:
  goto binary_slow;
op_ADD_IMM : {
  Value x = r[pc->b];
  int64_t z;
  if (x.is_int()) [[likely]] {
    if (__builtin_add_overflow(raw(x), int64_t{pc->sc()} * 2, &z)) [[unlikely]]
      goto binary_slow;
    r[pc->a] = from_raw(z);
    NEXT(1);
  }
  if (x.is_float_inline()) FLOAT_RESULT(x.as_float_inline() + pc->sc());
  goto binary_slow;
}
op_SUB_IMM : {
  Value x = r[pc->b];
  int64_t z;
  if (x.is_int()) [[likely]] {
    if (__builtin_sub_overflow(raw(x), int64_t{pc->sc()} * 2, &z)) [[unlikely]]
      goto binary_slow;
    r[pc->a] = from_raw(z);
    NEXT(1);
  }
  if (x.is_float_inline()) FLOAT_RESULT(x.as_float_inline() - pc->sc());
  goto binary_slow;
}
op_MUL_IMM : {
  Value x = r[pc->b];
  int64_t z;
  if (x.is_int()) [[likely]] {
    if (__builtin_mul_overflow(raw(x) - 1, int64_t{pc->sc()}, &z)) [[unlikely]]
      goto binary_slow;
    r[pc->a] = from_raw(z | 1);
    NEXT(1);
  }
  if (x.is_float_inline()) FLOAT_RESULT(x.as_float_inline() * pc->sc());
  goto binary_slow;
}
op_FLOORDIV_IMM : {
  Value x = r[pc->b];
  if (x.is_int() && pc->sc() > 0) [[likely]] {
    r[pc->a] = Value::from_int(floor_divide(x.as_int(), pc->sc()));
    NEXT(1);
  }
  goto binary_slow;
}
op_MOD_IMM : {
  Value x = r[pc->b];
  if (x.is_int() && pc->sc() > 0) [[likely]] {
    r[pc->a] = Value::from_int(floor_modulo(x.as_int(), pc->sc()));
    NEXT(1);
  }
  goto binary_slow;
}
op_AND_IMM : {
  Value x = r[pc->b];
  if (x.is_int()) [[likely]] {
    r[pc->a] = Value::from_int(x.as_int() & pc->sc());
    NEXT(1);
  }
  goto binary_slow;
}
op_LSHIFT_IMM : {
  Value x = r[pc->b];
  if (x.is_int() && pc->sc() >= 0 && pc->sc() < 62) [[likely]] {
    int64_t shifted = static_cast<int64_t>(static_cast<uint64_t>(x.as_int()) << pc->sc());
    if ((shifted >> pc->sc()) == x.as_int() && Value::fits_int(shifted)) {
      r[pc->a] = Value::from_int(shifted);
      NEXT(1);
    }
  }
  goto binary_slow;
}
op_RSHIFT_IMM : {
  Value x = r[pc->b];
  if (x.is_int() && pc->sc() >= 0) [[likely]] {
    r[pc->a] = Value::from_int(x.as_int() >> (pc->sc() > 63 ? 63 : pc->sc()));
    NEXT(1);
  }
  goto binary_slow;
}
op_NEGATIVE : {
  Value x = r[pc->b];
  int64_t z;
  if (x.is_int() && !__builtin_sub_overflow(int64_t{2}, raw(x), &z)) [[likely]] {
    r[pc->a] = from_raw(z);
    NEXT(1);
  }
  if (x.is_float_inline()) FLOAT_RESULT(-x.as_float_inline());
  Value v = VALUE(negative(t, x));
  r[pc->a] = v;
  NEXT(1);
}
op_NOT : {
  Value x = r[pc->b];
  if (x.is_bool()) [[likely]] {
    r[pc->a] = Value::from_bool(x.is_false());
    NEXT(1);
  }
  SAVE();
  int truth = truth_slow(t, x);
  if (truth < 0) goto raised;
  r[pc->a] = Value::from_bool(truth == 0);
  NEXT(1);
}

  // ------------------------------------------------------------------ comparison
compare_slow : {
  Value v = VALUE(compare_slow(t, pc, r));
  r[pc->a] = v;
  NEXT(1);
}
#define COMPARE(NAME, SYMBOL)                                     \
  op_##NAME : {                                                   \
    Value x = r[pc->b], y = r[pc->c];                             \
    bool condition;                                               \
    if (both_ints(x, y)) [[likely]]                               \
      condition = raw(x) SYMBOL raw(y);                           \
    else if (both_floats(x, y))                                   \
      condition = x.as_float_inline() SYMBOL y.as_float_inline(); \
    else                                                          \
      goto compare_slow;                                          \
    r[pc->a] = Value::from_bool(condition);                       \
    NEXT(1);                                                      \
  }
  COMPARE(LT, <)
  COMPARE(LE, <=)
  COMPARE(EQ, ==)
  COMPARE(NE, !=)
  COMPARE(GT, >)
  COMPARE(GE, >=)
op_IS:
  r[pc->a] = Value::from_bool((r[pc->b] == r[pc->c]) != (pc->aux != 0));
  NEXT(1);
op_IN:
  goto compare_slow;

  // ------------------------------------------------------------------ jumps
op_JUMP:
  NEXT(1 + pc->bc());
op_JUMP_IF_TRUE : {
  Value x = r[pc->a];
  if (x.is_true()) NEXT(1 + pc->bc());
  if (x.is_false() || x.is_none()) NEXT(1);
  SAVE();
  int truth = truth_slow(t, x);
  if (truth < 0) goto raised;
  if (truth != 0) NEXT(1 + pc->bc());
  NEXT(1);
}
op_JUMP_IF_FALSE : {
  Value x = r[pc->a];
  if (x.is_true()) NEXT(1);
  if (x.is_false() || x.is_none()) NEXT(1 + pc->bc());
  SAVE();
  int truth = truth_slow(t, x);
  if (truth < 0) goto raised;
  if (truth == 0) NEXT(1 + pc->bc());
  NEXT(1);
}
op_JUMP_IF_NONE:
  if (r[pc->a].is_none()) NEXT(1 + pc->bc());
  NEXT(1);
op_JUMP_IF_NOT_NONE:
  if (!r[pc->a].is_none()) NEXT(1 + pc->bc());
  NEXT(1);
op_JUMP_IF_IS:
  if ((r[pc->a] == r[pc->b]) == (pc->aux != 0)) NEXT(1 + pc->sc());
  NEXT(1);

compare_jump_slow : {
  SAVE();
  int condition = compare_jump_slow(t, pc, r);
  if (condition < 0) goto raised;
  if (condition == (pc->aux != 0 ? 1 : 0)) {
    if (pc->sc() < 0 && INTERRUPTED()) goto interrupted_jump;
    NEXT(1 + pc->sc());
  }
  NEXT(1);
}
  // A backward jump is due and something waits in the interrupt word.
interrupted_jump : {
  SAVE();
  Poll polled = poll(t, kInstrumented);
  if (polled == Poll::Raised) goto raised;
  const lang::OpInfo& info = lang::op_info(opcode(pc));
  pc += info.length() + (info.c == lang::Operand::J16 ? pc->sc() : pc->bc());
  if (polled == Poll::SwitchMode) goto switch_mode;
  DISPATCH();
}
#define COMPARE_JUMP(PREFIX, NAME, SYMBOL, BACKWARD)                        \
  op_##PREFIX##_IF_##NAME : {                                               \
    Value x = r[pc->a], y = r[pc->b];                                       \
    bool condition;                                                         \
    if (both_ints(x, y)) [[likely]]                                         \
      condition = raw(x) SYMBOL raw(y);                                     \
    else if (both_floats(x, y))                                             \
      condition = x.as_float_inline() SYMBOL y.as_float_inline();           \
    else                                                                    \
      goto compare_jump_slow;                                               \
    if (condition == (pc->aux != 0)) {                                      \
      if (BACKWARD && INTERRUPTED()) goto interrupted_jump;                 \
      NEXT(1 + pc->sc());                                                   \
    }                                                                       \
    NEXT(1);                                                                \
  }                                                                         \
  op_##PREFIX##_IF_##NAME##_IMM : {                                         \
    Value x = r[pc->a];                                                     \
    bool condition;                                                         \
    if (x.is_int()) [[likely]]                                              \
      condition = x.as_int() SYMBOL int64_t{pc->sb()};                      \
    else if (x.is_float_inline())                                           \
      condition = x.as_float_inline() SYMBOL static_cast<double>(pc->sb()); \
    else                                                                    \
      goto compare_jump_slow;                                               \
    if (condition == (pc->aux != 0)) {                                      \
      if (BACKWARD && INTERRUPTED()) goto interrupted_jump;                 \
      NEXT(1 + pc->sc());                                                   \
    }                                                                       \
    NEXT(1);                                                                \
  }
  COMPARE_JUMP(JUMP, LT, <, false)
  COMPARE_JUMP(JUMP, LE, <=, false)
  COMPARE_JUMP(JUMP, EQ, ==, false)
  COMPARE_JUMP(JUMP, NE, !=, false)
  COMPARE_JUMP(JUMP, GT, >, false)
  COMPARE_JUMP(JUMP, GE, >=, false)
  COMPARE_JUMP(LOOP, LT, <, true)
  COMPARE_JUMP(LOOP, LE, <=, true)
  COMPARE_JUMP(LOOP, EQ, ==, true)
  COMPARE_JUMP(LOOP, NE, !=, true)
  COMPARE_JUMP(LOOP, GT, >, true)
  COMPARE_JUMP(LOOP, GE, >=, true)
op_JUMP_IF_IN : {
  SAVE();
  int found = contains_jump(t, pc, r);
  if (found < 0) goto raised;
  if (found == (pc->aux != 0 ? 1 : 0)) NEXT(1 + pc->sc());
  NEXT(1);
}
op_JUMP_BACK:
  if (INTERRUPTED()) goto interrupted_jump;
  NEXT(1 + pc->bc());
op_LOOP_IF_TRUE : {
  Value x = r[pc->a];
  int truth = x.is_bool() ? x.is_true() : (SAVE(), truth_slow(t, x));
  if (truth < 0) goto raised;
  if (truth == 0) NEXT(1);
  if (INTERRUPTED()) goto interrupted_jump;
  NEXT(1 + pc->bc());
}
op_LOOP_IF_FALSE : {
  Value x = r[pc->a];
  int truth = x.is_bool() ? x.is_true() : (SAVE(), truth_slow(t, x));
  if (truth < 0) goto raised;
  if (truth != 0) NEXT(1);
  if (INTERRUPTED()) goto interrupted_jump;
  NEXT(1 + pc->bc());
}

// ------------------------------------------------------------------ iteration
// Shared by FOR_ITER and FOR_LOOP: where to go with and without an item.
#define FOR_FORMS(NAME, POLLS, BODY, DONE)                                                         \
  op_##NAME##_RANGE : {                                                                            \
    if (POLLS && INTERRUPTED()) goto interrupted_for_loop;                                         \
    Value iterator = r[pc->b];                                                                     \
    if (is_exact(iterator, t.types().range_iterator)) [[likely]] {                                 \
      auto* range = iterator.as<RangeIterator>();                                                  \
      int64_t left = range->remaining.load(std::memory_order_relaxed);                             \
      if (left <= 0) DONE;                                                                         \
      int64_t value = range->next.load(std::memory_order_relaxed);                                 \
      range->remaining.store(left - 1, std::memory_order_relaxed);                                 \
      range->next.store(                                                                           \
          static_cast<int64_t>(static_cast<uint64_t>(value) + static_cast<uint64_t>(range->step)), \
          std::memory_order_relaxed);                                                              \
      r[pc->a] = Value::fits_int(value) ? Value::from_int(value) : make_int(t, value);             \
      NEXT(BODY);                                                                                  \
    }                                                                                              \
    rewrite(pc, Op::NAME);                                                                         \
    goto op_##NAME;                                                                                \
  }                                                                                                \
  op_##NAME##_LIST : {                                                                             \
    if (POLLS && INTERRUPTED()) goto interrupted_for_loop;                                         \
    Value iterator = r[pc->b];                                                                     \
    if (is_exact(iterator, t.types().list_iterator)) [[likely]] {                                  \
      auto* position = iterator.as<ListIterator>();                                                \
      Value list = position->list;                                                                 \
      if (list.is_empty()) DONE;                                                                   \
      uint64_t index = position->index.load(std::memory_order_relaxed);                            \
      Value item = list.as<ListObject>()->at(index);                                               \
      if (item.is_empty()) {                                                                       \
        position->list = kEmpty;                                                                   \
        DONE;                                                                                      \
      }                                                                                            \
      position->index.store(index + 1, std::memory_order_relaxed);                                 \
      r[pc->a] = item;                                                                             \
      NEXT(BODY);                                                                                  \
    }                                                                                              \
    rewrite(pc, Op::NAME);                                                                         \
    goto op_##NAME;                                                                                \
  }                                                                                                \
  op_##NAME##_UNPACK : {                                                                           \
    if (POLLS && INTERRUPTED()) goto interrupted_for_loop;                                         \
    if constexpr (!kInstrumented) {                                                                \
      const Instruction* body = pc + (BODY);                                                       \
      SAVE();                                                                                      \
      switch (next_unpacked(t, r[pc->b], r + body->a, body->c)) {                                  \
        case Unpacked::Items: pc = body; NEXT(2);                                                  \
        case Unpacked::End: DONE;                                                                  \
        case Unpacked::Raised: goto raised;                                                        \
        case Unpacked::Other: break;                                                               \
      }                                                                                            \
      rewrite(pc, Op::NAME);                                                                       \
    }                                                                                              \
    goto op_##NAME;                                                                                \
  }                                                                                                \
  op_##NAME : {                                                                                    \
    if (POLLS && INTERRUPTED()) goto interrupted_for_loop;                                         \
    Value iterator = r[pc->b];                                                                     \
    if (iterator.is_object()) [[likely]] {                                                         \
      Type* type = iterator.as_object()->type();                                                   \
      if (type == t.types().generator) goto for_generator;                                         \
      if (type == t.types().range_iterator)                                                        \
        rewrite(pc, Op::NAME##_RANGE);                                                             \
      else if (type == t.types().list_iterator)                                                    \
        rewrite(pc, Op::NAME##_LIST);                                                              \
      else if (!kInstrumented && unpacks_item(frame, pc, pc + (BODY)) &&                           \
               yields_tuples(t, iterator, pc[BODY].c))                                             \
        rewrite(pc, Op::NAME##_UNPACK);                                                            \
    }                                                                                              \
    Value item = VALUE(iter_next(t, iterator));                                                    \
    if (item.is_no_more()) DONE;                                                                   \
    r[pc->a] = item;                                                                               \
    NEXT(BODY);                                                                                    \
  }
  FOR_FORMS(FOR_ITER, false, 2, NEXT(2 + pc->sc()))
  FOR_FORMS(FOR_LOOP, true, 2 + pc->sc(), NEXT(2))
op_FOR_ITER_FAR : {
  Value iterator = r[pc->b];
  if (is_exact(iterator, t.types().generator)) goto for_generator;
  Value item = VALUE(iter_next(t, iterator));
  if (item.is_no_more()) NEXT(2);
  r[pc->a] = item;
  NEXT(3);
}
interrupted_for_loop : {
  SAVE();
  Poll polled = poll(t, kInstrumented);
  if (polled == Poll::Raised) goto raised;
  if (polled == Poll::SwitchMode) goto switch_mode;
  // The word may still be set (a request that this thread cannot serve): take one step all the same.
  Value iterator = r[pc->b];
  Value item = VALUE(iter_next(t, iterator));
  if (item.is_no_more()) NEXT(2);
  r[pc->a] = item;
  NEXT(2 + pc->sc());
}
op_UNPACK_TUPLE:
op_UNPACK : {
  Value v = r[pc->b];
  if (is_exact(v, t.types().tuple) && v.as<TupleObject>()->size == pc->c) [[likely]] {
    const Slot* items = v.as<TupleObject>()->items();
    Value* to = r + pc->a;
    for (uint32_t i = 0, n = pc->c; i < n; ++i) to[i] = items[i].get();
    NEXT(2);
  }
  CHECK(cold::UNPACK(t, frame, pc, r));
  NEXT(2);
}
op_BUILD_TUPLE:
  r[pc->a] = make_tuple(t, r + pc->b, pc->c);
  NEXT(1);
op_BUILD_PAIR : {
  TupleObject* pair = allocate_tuple(t, 2);
  pair->items()[0] = r[pc->b];
  pair->items()[1] = r[pc->c];
  r[pc->a] = pair;
  NEXT(1);
}
op_BUILD_LIST:
  r[pc->a] = make_list(t, r + pc->b, pc->c);
  NEXT(1);
op_LIST_APPEND:
  CHECK(list_append(t, r[pc->a].as<ListObject>(), r[pc->b]).ok());
  NEXT(1);

  // ------------------------------------------------------------------ calls
op_CALL_FUNCTION : {
  Value f = r[pc->b];
  if (is_kind(f, Kind::Function)) [[likely]] {
    callee = f.as<FunctionObject>();
    call_values = r + pc->b + 2;
    call_control = control_word(0, 2, pc->a);
    if (callee->code->exact_positional == pc->c) [[likely]]
      goto push_exact;
    goto push_bound;
  }
  goto op_CALL;
}
op_CALL_METHOD_FUNCTION : {
  Value f = r[pc->b];
  if (is_kind(f, Kind::Function) && !r[pc->b + 1].is_empty()) [[likely]] {
    callee = f.as<FunctionObject>();
    call_values = r + pc->b + 1;
    call_control = control_word(0, 2, pc->a);
    if (callee->code->exact_positional == pc->c + 1) [[likely]]
      goto push_exact;
  }
  goto op_CALL_METHOD;
}
op_CALL_NATIVE : {
  Value f = r[pc->b];
  if (is_kind(f, Kind::NativeFunction)) [[likely]] {
    const NativeDef* def = f.as<NativeFunctionObject>()->def;
    if (reinterpret_cast<uint64_t>(def) == load_cache(pc)) [[likely]] {
      Value v = VALUE(def->call(t, r + pc->b + 2));
      if (INTERRUPTED() && def->switches) {
        SAVE();
        Poll polled = poll(t, kInstrumented);
        if (polled == Poll::Raised) goto raised;
        r[pc->a] = v;
        pc += 2;
        if (polled == Poll::SwitchMode) goto switch_mode;
        DISPATCH();
      }
      r[pc->a] = v;
      NEXT(2);
    }
  }
  goto op_CALL;
}
op_CALL_METHOD_NATIVE : {
  Value f = r[pc->b];
  if (is_kind(f, Kind::NativeFunction)) [[likely]] {
    auto* native = f.as<NativeFunctionObject>();
    Value self = r[pc->b + 1];
    if (reinterpret_cast<uint64_t>(native->def) == load_cache(pc) && !self.is_empty() &&
        (type_of(t, self) == native->owner_type || check_receiver(t, native, self))) [[likely]] {
      Value v = VALUE(native->def->call(t, r + pc->b + 1));
      r[pc->a] = v;
      if (INTERRUPTED() && native->def->switches) goto after_call;
      NEXT(2);
    }
  }
  goto op_CALL_METHOD;
}
op_CALL_CLASS:
op_CALL : {
  Value f = r[pc->b];
  Value self{};
  CallArgs args{r + pc->b + 2, pc->c, {}};
  call_control = control_word(0, 2, pc->a);
  if (f.is_object()) [[likely]] {
  call_object:
    switch (f.as_object()->kind()) {
      case Kind::Function:
        callee = f.as<FunctionObject>();
        call_values = args.values;
        if (self.is_empty()) {
          if (opcode(pc) == Op::CALL || opcode(pc) == Op::CALL_NATIVE || opcode(pc) == Op::CALL_CLASS)
            rewrite(pc, Op::CALL_FUNCTION);
          if (callee->code->exact_positional == pc->c) goto push_exact;
          goto push_bound;
        }
        r[pc->b + 1] = self;
        call_values = r + pc->b + 1;
        goto push_with_self;
      case Kind::BoundMethod:
        self = f.as<BoundMethodObject>()->self;
        f = f.as<BoundMethodObject>()->function;
        if (is_kind(f, Kind::Function)) goto call_object;
        break;
      case Kind::NativeFunction: {
        auto* native = f.as<NativeFunctionObject>();
        if (const NativeDef* def = exact_native(t, native, pc->c)) {
          cache_word(pc)->store(reinterpret_cast<uint64_t>(def), std::memory_order_release);
          rewrite(pc, Op::CALL_NATIVE);
        }
        Value v = VALUE(call_native_direct(t, native, kEmpty, args));
        r[pc->a] = v;
        if (INTERRUPTED() && native->def->switches) goto after_call;
        NEXT(2);
      }
      case Kind::Type:
        callee = plain_class_init(t, f.as<Type>());
        if (callee != nullptr) {
          rewrite(pc, Op::CALL_CLASS);
          goto push_init;
        }
        break;
      default: break;
    }
  }
  Value v = VALUE(call_value(t, f, self, args));
  r[pc->a] = v;
  if (INTERRUPTED() && !(f == Value(t.types().type) && args.count == 1)) goto after_call;
  NEXT(2);
}
op_CALL_METHOD : {
  Value f = r[pc->b];
  Value self = r[pc->b + 1];
  if (f.is_object()) [[likely]] {
    Kind kind = f.as_object()->kind();
    call_control = control_word(0, 2, pc->a);
    if (kind == Kind::Function) {
      callee = f.as<FunctionObject>();
      if (self.is_empty()) {
        call_values = r + pc->b + 2;
        if (callee->code->exact_positional == pc->c) goto push_exact;
        goto push_bound;
      }
      rewrite(pc, Op::CALL_METHOD_FUNCTION);
      call_values = r + pc->b + 1;
      goto push_with_self;
    }
    if (kind == Kind::NativeFunction) {
      auto* native = f.as<NativeFunctionObject>();
      if (!self.is_empty() && native->self.get().is_empty()) {
        if (const NativeDef* def = exact_native(t, native, pc->c + 1u)) {
          cache_word(pc)->store(reinterpret_cast<uint64_t>(def), std::memory_order_release);
          rewrite(pc, Op::CALL_METHOD_NATIVE);
        }
      }
      Value v = VALUE(call_native_direct(t, native, self, CallArgs{r + pc->b + 2, pc->c, {}}));
      r[pc->a] = v;
      if (INTERRUPTED() && native->def->switches) goto after_call;
      NEXT(2);
    }
    if (kind == Kind::BoundMethod && self.is_empty()) {
      Value function = f.as<BoundMethodObject>()->function;
      if (is_kind(function, Kind::Function)) {
        callee = function.as<FunctionObject>();
        r[pc->b + 1] = f.as<BoundMethodObject>()->self;
        call_values = r + pc->b + 1;
        goto push_with_self;
      }
    }
    if (kind == Kind::Type && self.is_empty()) {
      callee = plain_class_init(t, f.as<Type>());
      if (callee != nullptr) goto push_init;
    }
  }
  Value v = VALUE(call_value(t, f, self, CallArgs{r + pc->b + 2, pc->c, {}}));
  r[pc->a] = v;
  if (INTERRUPTED()) goto after_call;
  NEXT(2);
}
  // A method call of a script function: receiver and pc->c arguments lie in a row from call_values.
push_with_self:
  if (callee->code->exact_positional == pc->c + 1) goto push_exact;
  SAVE();
  frame = push_call(t, callee, kEmpty, CallArgs{call_values, pc->c + 1u, {}}, call_control);
  goto pushed;
  // A class with a script __init__: the instance waits in the self slot.
push_init : {
  Value instance = VALUE(allocate_instance(t, r[pc->b].as<Type>()));
  r[pc->b + 1] = instance;
  call_values = r + pc->b + 1;
  call_control = control_word(kFrameInit, 2, pc->a);
  goto push_with_self;
}
push_bound:
  SAVE();
  frame = push_call(t, callee, kEmpty, CallArgs{call_values, pc->c, {}}, call_control);
pushed:
  if (frame == nullptr) [[unlikely]] {
    frame = t.frame;
    goto raised;
  }
  goto enter;
push_exact : {
  CodeObject* code = callee->code;
  auto* fresh = reinterpret_cast<Frame*>(t.stack_top);
  auto* registers = reinterpret_cast<Value*>(fresh + 1);
  auto* top = reinterpret_cast<Slot*>(registers + code->register_count);
  SAVE();
  if (top > t.stack_end || t.recursion_depth >= t.runtime().recursion_limit.load(std::memory_order_relaxed))
      [[unlikely]] {
    recursion_error(t);
    goto raised;
  }
  uint32_t i = 0;
  for (uint32_t n = code->exact_positional; i < n; ++i) registers[i] = call_values[i];
  for (uint32_t n = code->first_temporary; i < n; ++i) registers[i] = kEmpty;
  ++t.recursion_depth;
  fresh->previous = frame;
  fresh->code = code;
  fresh->pc = code->instructions;
  fresh->registers = registers;
  fresh->globals = callee->globals;
  fresh->builtins = callee->builtins;
  fresh->function = callee;
  fresh->frame_object = nullptr;
  fresh->locals = kEmpty;
  *reinterpret_cast<uint32_t*>(&fresh->flags) = call_control;
  t.stack_top = top;
  t.frame = fresh;
  frame = fresh;
}
enter:
  LOAD_FRAME();
  if constexpr (kInstrumented) {
    if (!trace_call(t, frame)) goto raised;
  }
  if (INTERRUPTED()) {
    Poll polled = poll(t, kInstrumented);
    if (polled == Poll::Raised) goto raised;
    if (polled == Poll::SwitchMode) goto switch_mode;
  }
  DISPATCH();
after_call : {
  SAVE();
  Poll polled = poll(t, kInstrumented);
  if (polled == Poll::Raised) goto raised;
  pc += lang::op_info(opcode(pc)).length();
  if (polled == Poll::SwitchMode) goto switch_mode;
  DISPATCH();
}
op_CALL_KW:
op_CALL_METHOD_KW : {
  Value f = r[pc->b];
  const uint64_t extra = *reinterpret_cast<const uint64_t*>(pc + 1);
  Value names = k[extra].get();
  size_t keywords = names.as<TupleObject>()->size;
  Value self = lang::op_info(opcode(pc)).base == Op::CALL_METHOD_KW ? r[pc->b + 1] : kEmpty;
  CallArgs args{r + pc->b + 2, pc->c - keywords, names};
  call_control = control_word(0, 3, pc->a);
  if (f.is_object()) [[likely]] {
    if (self.is_empty() && f.as_object()->kind() == Kind::BoundMethod) {
      self = f.as<BoundMethodObject>()->self;
      f = f.as<BoundMethodObject>()->function;
    }
    if (is_kind(f, Kind::Function)) {
      callee = f.as<FunctionObject>();
    } else if (self.is_empty() && is_kind(f, Kind::Type) &&
               (callee = plain_class_init(t, f.as<Type>())) != nullptr) {
      self = VALUE(allocate_instance(t, f.as<Type>()));
      r[pc->b + 1] = self;
      call_control = control_word(kFrameInit, 3, pc->a);
    } else {
      callee = nullptr;
    }
    if (callee != nullptr) {
      SAVE();
      frame = push_call(t, callee, self, args, call_control);
      goto pushed;
    }
  }
  Value v = VALUE(call_value(t, f, self, args));
  r[pc->a] = v;
  if (INTERRUPTED()) goto after_call;
  NEXT(3);
}
op_BEFORE_WITH : {
  Value self{};
  Value enter = VALUE(with_methods(t, pc, r, &self));
  if (!self.is_empty()) {
    callee = enter.as<FunctionObject>();
    call_values = r + pc->b;
    call_control = control_word(0, 1, pc->a);
    if (callee->code->exact_positional == 1) goto push_exact;
    frame = push_call(t, callee, kEmpty, CallArgs{call_values, 1, {}}, call_control);
    goto pushed;
  }
  Value v = VALUE(call(t, enter));
  r[pc->a] = v;
  NEXT(1);
}
op_WITH_EXIT : {
  Value exit = r[pc->b];
  if (is_kind(exit, Kind::BoundMethod)) {
    auto* method = exit.as<BoundMethodObject>();
    Value function = method->function;
    if (is_kind(function, Kind::Function) && has_room(t, 4)) {
      callee = function.as<FunctionObject>();
      Value* arguments = fresh_registers(t);
      arguments[0] = method->self;
      arguments[1] = arguments[2] = arguments[3] = kNone;
      call_values = arguments;
      call_control = control_word(0, 1, pc->a);
      if (callee->code->exact_positional == 4) goto push_exact;
    }
  }
  Value v = VALUE(call(t, exit, {kNone, kNone, kNone}));
  r[pc->a] = v;
  NEXT(1);
}
op_CALL_EX : {
  CallArgs args;
  SpreadArgs spread;
  CHECK(expand_call(t, pc, r, &args, &spread));
  Value f = r[pc->b];
  Value self{};
  if (is_kind(f, Kind::BoundMethod)) {
    self = f.as<BoundMethodObject>()->self;
    f = f.as<BoundMethodObject>()->function;
  }
  if (is_kind(f, Kind::Function)) {
    frame = push_call(t, f.as<FunctionObject>(), self, args, control_word(0, 2, pc->a), spread);
    goto pushed;
  }
  Value v = VALUE(call_value(t, f, self, args));
  r[pc->a] = v;
  if (INTERRUPTED()) goto after_call;
  NEXT(2);
}

// ------------------------------------------------------------------ leaving a frame
op_RETURN:
  result = r[pc->a];
  goto leave;
op_RETURN_CONST:
  result = k[static_cast<uint32_t>(pc->bc())].get();
  goto leave;
op_RETURN_GENERATOR:
  result = VALUE(make_generator(t, frame));
leave : {
  if constexpr (kInstrumented) {
    SAVE();
    if (!trace_return(t, frame, result)) goto raised;
  }
  uint32_t control = *reinterpret_cast<uint32_t*>(&frame->flags);
  if ((control & 0xff) == 0) [[likely]] {
    t.stack_top = reinterpret_cast<Slot*>(frame);
    --t.recursion_depth;
    frame = frame->previous;
    t.frame = frame;
    r = frame->registers;
    k = frame->code->constants;
    pc = frame->pc + ((control >> 8) & 0xff);
    r[control >> 16] = result;
    DISPATCH();
  }
  SAVE();
  Frame* left = frame;
  leave_frame(t, left);
  if (control & kFrameEntry) return result;
  frame = t.frame;
  LOAD_FRAME();
  if (control & kFrameForIter) {  // the generator of a loop is exhausted
    switch (lang::op_info(opcode(pc)).base) {
      case Op::FOR_ITER: NEXT(2 + pc->sc());
      default: NEXT(2);
    }
  }
  if (control & kFrameDelegate) {
    r[pc->a] = result;
    NEXT(1);
  }
  if (control & kFrameDiscard) NEXT((control >> 8) & 0xff);
  if (control & kFrameInit) {
    if (!result.is_none()) [[unlikely]] {
      init_result_error(t, result);
      goto raised;
    }
    result = r[pc->b + 1];
  }
  r[control >> 16] = result;
  NEXT((control >> 8) & 0xff);
}

// ------------------------------------------------------------------ generators
for_generator:
  resumed = r[pc->b].as<GeneratorObject>();
  sent = kNone;
  mode = kFrameGenerator | kFrameForIter;
resume : {
  GeneratorState state = resumed->state.load(std::memory_order_relaxed);
  SAVE();
  if (state == GeneratorState::Finished) {  // only loops come here with a finished one
    if (lang::op_info(opcode(pc)).base == Op::FOR_ITER) NEXT(2 + pc->sc());
    NEXT(2);
  }
  if (state == GeneratorState::Running ||
      (t.runtime().free_threaded.load(std::memory_order_relaxed) &&
       !resumed->state.compare_exchange_strong(state, GeneratorState::Running))) [[unlikely]] {
    t.raise(Exc::ValueError, "generator already executing");
    goto raised;
  }
  if (t.recursion_depth >= t.runtime().recursion_limit.load(std::memory_order_relaxed)) [[unlikely]] {
    resumed->state.store(state, std::memory_order_relaxed);
    recursion_error(t);
    goto raised;
  }
  resumed->state.store(GeneratorState::Running, std::memory_order_relaxed);
  ++t.recursion_depth;
  resumed->handled.previous = t.handled;
  t.handled = &resumed->handled;
  Frame* inner = &resumed->frame;
  inner->previous = frame;
  inner->flags = static_cast<uint8_t>((inner->flags & kFrameHasObject) | mode);
  t.frame = inner;
  frame = inner;
  LOAD_FRAME();
  if constexpr (kInstrumented) {
    if (!trace_call(t, frame)) goto raised;
  }
  switch (opcode(pc)) {
    case Op::YIELD: r[pc->a] = sent; NEXT(1);
    case Op::YIELD_FROM:
    case Op::AWAIT: r[pc->a] = sent; DISPATCH();
    default: NEXT(1);  // RETURN_GENERATOR: the first resume
  }
}
op_YIELD_FROM:
op_AWAIT : {
  Value delegate = r[pc->b];
  if (delegate.is_object() && delegate.as_object()->kind() == Kind::Generator) {
    auto* inner = delegate.as<GeneratorObject>();
    GeneratorState state = inner->state.load(std::memory_order_relaxed);
    if ((state == GeneratorState::Suspended || (state == GeneratorState::Created && r[pc->a].is_none())) &&
        delegate.as_object()->type() != t.types().async_generator) {
      resumed = inner;
      sent = r[pc->a];
      mode = kFrameGenerator | kFrameDelegate;
      goto resume;
    }
  }
  SAVE();
  Value out;
  switch (send_to(t, delegate, r[pc->a], &out)) {
    case SendStatus::Next: yielded = out; goto suspend;
    case SendStatus::Return: r[pc->a] = out; NEXT(1);
    case SendStatus::Error: goto raised;
  }
  goto raised;
}
op_YIELD:
  yielded = r[pc->b];
  if (pc->aux != 0) {
    auto* wrapped = t.heap().make<AsyncGenWrappedValue>(t, async_gen_wrapped_type(t));
    wrapped->value = yielded;
    yielded = wrapped;
  }
suspend : {
  SAVE();
  if constexpr (kInstrumented) {
    if (!trace_return(t, frame, yielded)) goto raised;
  }
  GeneratorObject* generator = frame->generator();
  uint8_t flags = frame->flags;
  Frame* back = frame->previous;
  t.handled = generator->handled.previous;
  generator->handled.previous = nullptr;
  frame->flags = flags & kFrameHasObject;
  frame->flags |= kFrameGenerator;
  frame->previous = nullptr;
  --t.recursion_depth;
  t.frame = back;
  if (flags & kFrameEntry) return yielded;  // who called execute() makes it suspended
  generator->state.store(GeneratorState::Suspended, std::memory_order_release);
  frame = back;
  LOAD_FRAME();
  if (flags & kFrameDelegate) goto suspend;
  r[pc->a] = yielded;
  switch (lang::op_info(opcode(pc)).base) {
    case Op::FOR_ITER: NEXT(2);
    case Op::FOR_LOOP: NEXT(2 + pc->sc());
    default: NEXT(3);  // FOR_ITER_FAR
  }
}

  // ------------------------------------------------------------------ exceptions
op_PUSH_EXC : {
  Value before = t.handled->value;
  t.handled->value = r[pc->b];
  r[pc->a] = before.is_empty() ? kNone : before;
  NEXT(1);
}
op_POP_EXC : {
  Value before = r[pc->a];
  t.handled->value = before.is_none() ? kEmpty : before;
  NEXT(1);
}
op_CHECK_EXC_MATCH : {
  SAVE();
  Result<bool> matches = exception_matches(t, r[pc->b], r[pc->c]);
  if (matches.is_error()) goto raised;
  r[pc->a] = Value::from_bool(matches.value());
  NEXT(1);
}
op_RERAISE:
  t.restore_exception(r[pc->a]);
  goto reraise;
op_RAISE_CURRENT : {
  Value current = topmost_handled(t);
  if (current.is_empty()) {
    SAVE();
    t.raise(Exc::RuntimeError, "No active exception to reraise");
    goto raised;
  }
  t.restore_exception(current);
  goto reraise;
}
op_END_ASYNC_FOR:
  if (is_exception_of(t, r[pc->a], Exc::StopAsyncIteration)) NEXT(1);
  t.restore_exception(r[pc->a]);
reraise:
  SAVE();
  frame = unwind(t, false);
  goto unwound;
raised:
  frame = unwind(t, true);
unwound:
  if (frame == nullptr) return kErrorValue;
  LOAD_FRAME();
  DISPATCH();

switch_mode:
  SAVE();
  return run<!kInstrumented>(t, frame, false);

  // ------------------------------------------------------------------ everything else
#define COLD(NAME)                                \
  op_##NAME : CHECK(cold::NAME(t, frame, pc, r)); \
  NEXT(1);
#include "vm/exec/cold_ops.def"
#undef COLD
}

}  // namespace

Value execute(Thread& t, Frame* frame, bool throwing) {
  if (t.check_stack().is_error()) {
    // The frame never ran: drop it and let the caller see the error.
    leave_frame(t, frame);
    return kErrorValue;
  }
  // A function called from native code begins with a switch site as any other; an await that goes on does
  // not.
  if (!throwing && INTERRUPTED() && opcode(frame->pc) != Op::AWAIT) throwing = poll(t, false) == Poll::Raised;
  return needs_instrumentation(t) ? run<true>(t, frame, throwing) : run<false>(t, frame, throwing);
}

}  // namespace mp
