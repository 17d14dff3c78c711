// The object protocols: what Python's operators and builtin functions do to arbitrary values. They dispatch
// through Type slots and know no concrete types in this header. Every function may run script code unless it
// says otherwise.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include "vm/types/builtin_types.h"

namespace mp {

// ---- call.cpp
Result<Value> call(Thread& t, Value callee, const CallArgs& args);
Result<Value> call(Thread& t, Value callee, std::initializer_list<Value> positional);
inline Result<Value> call(Thread& t, Value callee) { return call(t, callee, CallArgs{}); }
Result<Value> call_tuple(Thread& t, Value callee, Value args_tuple,
                         Value kwargs_dict_or_empty);  // f(*args, **kwargs)
Result<Value> call_method(Thread& t, Value receiver, StrObject* name,
                          std::initializer_list<Value> positional = {});
// Special method on the type: kNotFound when the type lacks it.
Result<Value> call_special(Thread& t, Value receiver, StrObject* name,
                           std::initializer_list<Value> positional = {});
bool is_callable(Thread& t, Value v);

// ---- attr.cpp
Result<Value> get_attr(Thread& t, Value object, StrObject* name);
Result<Value> get_attr(Thread& t, Value object, std::string_view name);
Result<Value> get_attr_or_not_found(Thread& t, Value object,
                                    StrObject* name);  // kNotFound instead of AttributeError
Status set_attr(Thread& t, Value object, StrObject* name, Value value);
Status delete_attr(Thread& t, Value object, StrObject* name);
Result<bool> has_attr(Thread& t, Value object, StrObject* name);
Result<Value> generic_get_attr(Thread& t, Value object, StrObject* name);  // object.__getattribute__
Status generic_set_attr(Thread& t, Value object, StrObject* name, Value value_or_empty);
// Looks `name` up on the type and binds it to the receiver: special methods. kNotFound when absent.
Result<Value> lookup_special(Thread& t, Value receiver, StrObject* name);
// For method calls without a bound method: *method is the function and *self the receiver, or *self is empty
// and *method is to be called as it is.
Status get_method(Thread& t, Value object, StrObject* name, Value* method, Value* self);
Result<Value> dir(Thread& t, Value object);

// ---- compare.cpp
Result<Value> compare(Thread& t, Value a, Value b, CompareOp op);
Result<bool> compare_bool(Thread& t, Value a, Value b, CompareOp op);
Result<bool> equals(Thread& t, Value a, Value b);  // identity first, then ==: what containers use
Result<bool> truth(Thread& t, Value v);
inline bool is_immediate_truth(Value v) { return v.is_bool() || v.is_none() || v.is_int(); }

// ---- arith.cpp
enum class BinaryOp : uint8_t {
  Add,
  Sub,
  Mul,
  MatMul,
  TrueDiv,
  FloorDiv,
  Mod,
  Pow,
  LShift,
  RShift,
  And,
  Or,
  Xor
};
Result<Value> binary(Thread& t, BinaryOp op, Value a, Value b);
Result<Value> inplace(Thread& t, BinaryOp op, Value a, Value b);
Result<Value> power(Thread& t, Value a, Value b, Value modulus);
Result<Value> divmod(Thread& t, Value a, Value b);
Result<Value> negative(Thread& t, Value v);
Result<Value> positive(Thread& t, Value v);
Result<Value> invert(Thread& t, Value v);
Result<Value> absolute(Thread& t, Value v);

// ---- iterate.cpp
Result<Value> get_iter(Thread& t, Value iterable);   // TypeError: 'int' object is not iterable
Result<Value> iter_next(Thread& t, Value iterator);  // kNoMore when exhausted (StopIteration swallowed)
// Calls body(item) for each; stops on its error. Body: Status(Value).
template <class Body>
Status for_each(Thread& t, Value iterable, Body&& body) {
  Value iterator = TRY(get_iter(t, iterable));
  for (;;) {
    Value item = TRY(iter_next(t, iterator));
    if (item.is_no_more()) return {};
    TRY(body(item));
  }
}
Result<Value> to_list(Thread& t, Value iterable);   // a new list
Result<Value> to_tuple(Thread& t, Value iterable);  // the same object if it is an exact tuple
Result<int64_t> length(Thread& t, Value v);         // TypeError: object of type 'int' has no len()
Result<int64_t> length_hint(Thread& t, Value v, int64_t fallback);
Result<Value> reversed_iter(Thread& t, Value v);

// ---- index.cpp
Result<Value> get_item(Thread& t, Value container, Value key);
Status set_item(Thread& t, Value container, Value key, Value value);
Status delete_item(Thread& t, Value container, Value key);
Result<bool> contains(Thread& t, Value container, Value item);

// ---- hash.cpp, repr.cpp, format.cpp
Result<int64_t> hash(Thread& t, Value v);
Result<Value> repr(Thread& t, Value v);  // always str
Result<std::string> repr_utf8(Thread& t, Value v);
Result<Value> str(Thread& t, Value v);
Result<Value> ascii(Thread& t, Value v);
Result<Value> format(Thread& t, Value v, Value spec);  // spec: str
std::string repr_text(Thread& t, Value v);             // for messages: never fails (clears errors), UTF-8
std::string str_text(Thread& t, Value v);
// Guard for recursive containers: `ReprGuard guard(t, v); if (guard.recursive()) return "[...]"`.
class ReprGuard {
 public:
  ReprGuard(Thread& t, Value v);
  ~ReprGuard();
  bool recursive() const { return recursive_; }

 private:
  Thread& thread_;
  bool recursive_ = false;
};

// ---- suggest.cpp: "Did you mean: 'x'?" for NameError, AttributeError, ImportError; empty when nothing is
// close.
std::string suggest(const std::string& wrong, const std::string* candidates, size_t count);
// TypeError "FUNCTION got an unexpected keyword argument 'x'. Did you mean 'y'?"; `function` with its
// parentheses.
Error unexpected_keyword(Thread& t, std::string_view function, const std::string& wrong,
                         const std::vector<std::string>& known);

}  // namespace mp
