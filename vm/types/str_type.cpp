// The str type: construction, slots, iteration. Its methods are in str_methods*.cpp.
#include <algorithm>

#include "vm/native/native.h"
#include "vm/protocol/order.h"
#include "vm/protocol/protocol.h"
#include "vm/types/codec.h"
#include "vm/types/iterator_support.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"
#include "vm/types/str_internal.h"
#include "vm/types/str_methods.h"
#include "vm/types/text_format.h"

namespace mp {

// ---------------------------------------------------------------- construction

// Copies a plain str into an instance of `cls`.
static Result<Value> str_into_subclass(Thread& t, Type* cls, Value text) {
  if (cls == t.types().str) return text;
  auto* s = text.as<StrObject>();
  StrObject* out = allocate_str_of(t, cls, s->length(), s->width(), s->is_ascii());
  if (out == nullptr) return Error{};
  std::memcpy(out->data(), s->data8(), s->byte_size());
  out->hash.store(s->hash.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return Value(out);
}

Result<Value> str_new(Thread& t, Value cls, const CallArgs& args) {
  static constexpr std::string_view kNames[3] = {"object", "encoding", "errors"};
  Value values[3];
  if (args.count > 3) {
    // As int(): two wordings.
    if (args.keyword_names.is_empty() && cls == Value(t.types().str))
      return t.raise(Exc::TypeError, "str expected at most 3 arguments, got {}", args.count);
    return t.raise(Exc::TypeError, "str() takes at most 3 arguments ({} given)", args.count);
  }
  for (size_t i = 0; i < args.count; ++i) values[i] = args.values[i];
  if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t k = 0; k < names->size; ++k) {
      auto* name = (*names)[k].as<StrObject>();
      size_t i = 0;
      while (i < 3 && !str_equal(name, kNames[i])) ++i;
      if (i == 3) return unexpected_keyword(t, "str()", to_utf8(name), {"object", "encoding", "errors"});
      if (!values[i].is_empty()) {
        return t.raise(Exc::TypeError, "argument for str() given by name ('{}') and position ({})", kNames[i],
                       i + 1);
      }
      values[i] = args.values[args.count + k];
    }
  }
  for (size_t i = 1; i < 3; ++i) {
    if (!values[i].is_empty() && !is_str(values[i])) {
      return t.raise(Exc::TypeError, "str() argument '{}' must be str, not {}", kNames[i],
                     type_name(t, values[i]));
    }
  }
  auto* type = cls.as<Type>();
  if (values[0].is_empty()) return str_into_subclass(t, type, empty_str(t));
  if (values[1].is_empty() && values[2].is_empty()) {
    Value text = TRY(str(t, values[0]));
    if (type == t.types().str) return text;
    return str_into_subclass(t, type, text);
  }
  if (is_str(values[0])) return t.raise(Exc::TypeError, "decoding str is not supported");
  Value text = TRY(decode_object(t, values[0], values[1], values[2]));
  return str_into_subclass(t, type, text);
}

// ---------------------------------------------------------------- slots

static Result<Value> str_slot_repr(Thread& t, Value self) {
  return str_or_error(str_repr(t, self.as<StrObject>()));
}
static Result<Value> str_slot_str(Thread& t, Value self) {
  return str_or_error(str_plain(t, self.as<StrObject>()));
}
static Result<int64_t> str_slot_hash(Thread&, Value self) { return str_hash(self.as<StrObject>()); }

static Result<Value> str_slot_compare(Thread&, Value left, Value right, CompareOp op) {
  if (!is_str(left) || !is_str(right)) return kNotImplemented;
  auto *a = left.as<StrObject>(), *b = right.as<StrObject>();
  if (op == CompareOp::Eq) return Value::from_bool(str_equal(a, b));
  if (op == CompareOp::Ne) return Value::from_bool(!str_equal(a, b));
  return order_result(str_compare(a, b), op);
}

static Result<int64_t> str_slot_length(Thread&, Value self) {
  return static_cast<int64_t>(self.as<StrObject>()->length());
}

static Result<Value> str_slot_get_item(Thread& t, Value self, Value key) {
  auto* s = self.as<StrObject>();
  auto length = static_cast<int64_t>(s->length());
  if (is_kind(key, Kind::Slice)) {
    SliceRange range = TRY(slice_indices(t, key.as<SliceObject>(), length));
    if (range.count <= 0) return Value(empty_str(t));
    if (range.step == 1) {
      auto begin = static_cast<size_t>(range.start);
      return str_or_error(str_slice(t, s, begin, begin + static_cast<size_t>(range.count)));
    }
    StrObject* part = allocate_text(t, static_cast<size_t>(range.count), s->width(), s->is_ascii());
    if (part == nullptr) return Error{};
    with_width(s, [&](auto* from) {
      auto* to = const_cast<std::remove_const_t<std::remove_pointer_t<decltype(from)>>*>(
          static_cast<decltype(from)>(part->data()));
      for (int64_t i = 0; i < range.count; ++i) to[i] = from[range.start + i * range.step];
    });
    return s->is_ascii() && range.count > 1 ? Result<Value>(Value(part))
                                            : str_or_error(str_narrowest(t, part));
  }
  if (!key.is_int()) {
    if (!is_any_int(key) && (!key.is_object() || type_of(t, key)->slots.index == nullptr)) {
      return t.raise(Exc::TypeError, "string indices must be integers, not '{}'", type_name(t, key));
    }
    key = Value::from_int(TRY(to_ssize(t, key, Exc::IndexError)));
  }
  int64_t i = key.as_int();
  if (i < 0) i += length;
  if (i < 0 || i >= length) return t.raise(Exc::IndexError, "string index out of range");
  return str_or_error(make_str_char(t, s->at(static_cast<size_t>(i))));
}

static Result<bool> str_slot_contains(Thread& t, Value self, Value item) {
  if (!is_str(item)) {
    return t.raise(Exc::TypeError, "'in <string>' requires string as left operand, not {}",
                   type_name(t, item));
  }
  auto *s = self.as<StrObject>(), *part = item.as<StrObject>();
  constexpr size_t kShort = 32;  // a loop beats the calls
  if (part->length() == 1 && s->length() <= kShort && s->width() == 1 && part->width() == 1) {
    const uint8_t* text = s->data8();
    uint8_t wanted = part->data8()[0];
    bool found = false;
    for (size_t i = 0, n = s->length(); i < n; ++i) found |= text[i] == wanted;
    return found;
  }
  return str_find(s, part, 0, s->length()) >= 0;
}

static Result<Value> str_slot_concat(Thread& t, Value left, Value right) {
  if (!is_str(right)) {
    return t.raise(Exc::TypeError, "can only concatenate str (not \"{}\") to str", type_name(t, right));
  }
  return str_or_error(str_concat(t, left.as<StrObject>(), right.as<StrObject>()));
}

Result<int64_t> repeat_count(Thread& t, Value count) {
  if (count.is_int()) return count.as_int();
  if (!is_any_int(count) && (!count.is_object() || type_of(t, count)->slots.index == nullptr)) {
    return t.raise(Exc::TypeError, "can't multiply sequence by non-int of type '{}'", type_name(t, count));
  }
  return to_ssize(t, count);
}

static Result<Value> str_slot_repeat(Thread& t, Value self, Value count) {
  int64_t n = TRY(repeat_count(t, count));
  return str_or_error(str_repeat(t, self.as<StrObject>(), n));
}

static Result<Value> str_slot_mod(Thread& t, Value left, Value right) {
  if (!is_str(left)) return kNotImplemented;
  return str_percent_format(t, left.as<StrObject>(), right);
}

static void trace_str(Object* object, Tracer& tracer) {
  auto* s = static_cast<StrObject*>(object);
  if (s->is_external()) tracer.mark_raw(s->buffer());
}

// ---------------------------------------------------------------- iteration

struct StrIterator : Object {
  Slot str;  // empty when exhausted
  std::atomic<uint64_t> index{0};
};

static Result<Value> str_slot_iter(Thread& t, Value self) {
  auto* it = t.heap().make<StrIterator>(t, t.types().str_iterator);
  it->str = self;
  return Value(it);
}

static Result<Value> str_iterator_next(Thread& t, Value self) {
  auto* it = self.as<StrIterator>();
  Value text = it->str;
  if (text.is_empty()) return kNoMore;
  auto* s = text.as<StrObject>();
  // Not one atomic step: threads that share an iterator may see an item twice, as with CPython's without the
  // GIL.
  uint64_t i = it->index.load(std::memory_order_relaxed);
  it->index.store(i + 1, std::memory_order_relaxed);
  if (i < s->length()) return str_or_error(make_str_char(t, s->at(i)));
  it->str = kEmpty;
  return kNoMore;
}

static Result<Value> str_iterator_length_hint(Thread& t, const Value* args) {
  auto* it = args[0].as<StrIterator>();
  Value text = it->str;
  if (text.is_empty()) return Value::from_int(0);
  auto left = static_cast<int64_t>(text.as<StrObject>()->length()) - static_cast<int64_t>(it->index.load());
  return make_int(t, std::max<int64_t>(left, 0));
}

static Result<Value> str_iterator_reduce(Thread& t, const Value* args) {
  auto* it = args[0].as<StrIterator>();
  Value iter = TRY(get_attr(t, t.runtime().builtins_module, "iter"));
  Value text = it->str;
  if (text.is_empty()) return Value(make_tuple(t, {iter, make_tuple(t, {Value(empty_str(t))})}));
  return Value(
      make_tuple(t, {iter, make_tuple(t, {text}), make_int(t, static_cast<int64_t>(it->index.load()))}));
}

static Result<Value> str_iterator_setstate(Thread& t, const Value* args) {
  auto* it = args[0].as<StrIterator>();
  int64_t i = TRY(to_ssize(t, args[1]));
  it->index.store(static_cast<uint64_t>(std::max<int64_t>(i, 0)));
  return kNone;
}

static const NativeDef kStrIteratorMethods[] = {
    MP_METHOD(str_iterator_length_hint, "__length_hint__(self, /)",
              "Private method returning an estimate of len(list(it))."),
    MP_METHOD(str_iterator_reduce, "__reduce__(self, /)", "Return state information for pickling."),
    MP_METHOD(str_iterator_setstate, "__setstate__(self, state, /)", "Set state information for unpickling."),
    MP_END};

static void trace_str_iterator(Object* object, Tracer& tracer) {
  tracer.visit(static_cast<StrIterator*>(object)->str);
}

extern const TypeSpec kStrIteratorSpec;
const TypeSpec kStrIteratorSpec = {.name = "str_ascii_iterator",
                                   .size = sizeof(StrIterator),
                                   .flags = kTypeDisallowNew,
                                   .trace = trace_str_iterator,
                                   .slots = MP_SLOTS(.iter = iterator_self, .next = str_iterator_next),
                                   .methods = kStrIteratorMethods};

extern const TypeSpec kStrSpec;
const TypeSpec kStrSpec = {
    .name = "str",
    .kind = Kind::Str,
    .size = sizeof(StrObject),
    .flags = kTypeBaseType | kTypeStrSubclass | kTypeVariableSize | kTypeMatchSelf | kTypeImmutable,
    .doc =
        "str(object='') -> str\n"
        "str(bytes_or_buffer[, encoding[, errors]]) -> str\n\n"
        "Create a new string object from the given object. If encoding or\n"
        "errors is specified, then the object must expose a data buffer\n"
        "that will be decoded using the given encoding and error handler.\n"
        "Otherwise, returns the result of object.__str__() (if defined)\n"
        "or repr(object).\n"
        "encoding defaults to sys.getdefaultencoding().\n"
        "errors defaults to 'strict'.",
    .trace = trace_str,
    .slots = MP_SLOTS(.repr = str_slot_repr, .str = str_slot_str, .hash = str_slot_hash,
                      .compare = str_slot_compare, .iter = str_slot_iter, .mod = str_slot_mod,
                      .length = str_slot_length, .get_item = str_slot_get_item, .contains = str_slot_contains,
                      .concat = str_slot_concat, .repeat = str_slot_repeat),
    .methods = kStrMethods};

}  // namespace mp
