// repr(), str(), ascii() of any value, and the guard that stops them in recursive containers.
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"
#include "vm/types/runtime.h"

namespace mp {

// str of an inline int, without going through GMP.
static StrObject* small_int_text(Thread& t, int64_t i) {
  if (i >= 0 && i < 10) return make_str_char(t, static_cast<uint32_t>('0' + i));
  uint8_t digits[24];
  uint8_t* p = digits + sizeof digits;
  uint64_t u = i < 0 ? 0 - static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  do {
    *--p = static_cast<uint8_t>('0' + u % 10);
    u /= 10;
  } while (u != 0);
  if (i < 0) *--p = '-';
  return make_str_latin1(t, p, static_cast<size_t>(digits + sizeof digits - p));
}

Result<Value> repr(Thread& t, Value v) {
  if (v.is_int()) return str_or_error(small_int_text(t, v.as_int()));
  TRY(t.check_stack(" while getting the repr of an object"));
  // CPython's limit of native recursion, whatever the stack would still hold.
  constexpr uint64_t kMostNested = 10000;
  Value stack = t.repr_stack;
  if (is_list(stack) && stack.as<ListObject>()->length() > kMostNested)
    return t.raise_recursion_error(" while getting the repr of an object");
  Type* type = type_of(t, v);
  if (type->slots.repr == nullptr) {
    return str_or_error(make_str(t, fmt::format("<{} object at {:#x}>", type_name(type), v.bits())));
  }
  Value text = TRY(type->slots.repr(t, v));
  if (!is_str(text))
    return t.raise(Exc::TypeError, "__repr__ returned non-string (type {})", type_name(t, text));
  return text;
}

Result<Value> str(Thread& t, Value v) {
  if (v.is_int()) return str_or_error(small_int_text(t, v.as_int()));
  Type* type = type_of(t, v);
  if (type == t.types().str) return v;
  if (type->slots.str == nullptr) return repr(t, v);
  TRY(t.check_stack(" while getting the str of an object"));
  Value text = TRY(type->slots.str(t, v));
  if (!is_str(text))
    return t.raise(Exc::TypeError, "__str__ returned non-string (type {})", type_name(t, text));
  return text;
}

static std::string text_or_placeholder(Thread& t, Value v, Result<Value> text, Value saved) {
  std::string out;
  if (text.ok()) {
    out = to_utf8(text.value().as<StrObject>());
  } else {
    out = fmt::format("<unprintable {} object>", type_name(t, v));
  }
  t.restore_exception(saved);
  return out;
}

Result<std::string> repr_utf8(Thread& t, Value v) { return to_utf8(TRY(repr(t, v)).as<StrObject>()); }

std::string repr_text(Thread& t, Value v) {
  Value saved = t.take_exception();
  return text_or_placeholder(t, v, repr(t, v), saved);
}

std::string str_text(Thread& t, Value v) {
  Value saved = t.take_exception();
  return text_or_placeholder(t, v, str(t, v), saved);
}

ReprGuard::ReprGuard(Thread& t, Value v) : thread_(t) {
  Value stack = t.repr_stack;
  if (!is_list(stack)) {
    stack = make_list(t);
    t.repr_stack = stack;
  }
  auto* list = stack.as<ListObject>();
  for (uint64_t i = list->length(); i-- > 0;) {
    if (list->at(i) == v) {
      recursive_ = true;
      return;
    }
  }
  if (list_append(t, list, v).is_error()) {
    t.clear_exception();
    recursive_ = true;
  }
}

ReprGuard::~ReprGuard() {
  if (recursive_) return;
  auto* list = thread_.repr_stack.get().as<ListObject>();
  uint64_t n = list->length() - 1;
  list->array.load()->items()[n] = kEmpty;
  list->size.store(n);
}

}  // namespace mp
