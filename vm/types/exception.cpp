// Raising, chaining and matching of exceptions.
#include "vm/types/exception.h"

#include <cstring>

#include "vm/types/exception_internal.h"
#include "vm/types/number.h"

namespace mp {

// ---------------------------------------------------------------- making

Value make_exception_args(Thread& t, Exc kind, TupleObject* args) {
  Type* type = t.types().exception(kind);
  auto* e = t.heap().make<ExceptionObject>(t, type);
  e->args = Value(args);
  CallArgs call_args{reinterpret_cast<const Value*>(args->items()), args->size, kEmpty};
  if (initialise_exception(t, e, kind, call_args).is_error()) return t.take_exception();
  return e;
}

Value make_exception(Thread& t, Exc kind, Value argument) {
  return make_exception_args(t, kind, argument.is_empty() ? empty_tuple(t) : make_tuple(t, {argument}));
}

// ---------------------------------------------------------------- raising

static Value topmost(Thread& t) {
  for (HandledException* h = t.handled; h != nullptr; h = h->previous) {
    Value v = h->value;
    if (!v.is_empty() && !v.is_none()) return v;
  }
  return kEmpty;
}

// Sets exception.__context__ = context, cutting the chain where it would come back to the exception.
void chain_context(Thread& t, Value exception, Value context) {
  (void)t;
  if (context.is_empty() || context.is_none() || exception == context) return;
  Value each = context;
  Value slow = each;
  bool advance_slow = false;
  for (;;) {
    Value next = each.as<ExceptionObject>()->context;
    if (next.is_empty() || next.is_none()) break;
    if (next == exception) {
      each.as<ExceptionObject>()->context = kEmpty;
      break;
    }
    each = next;
    if (each == slow) break;  // a cycle that was there before
    if (advance_slow) {       // from here on again where another thread has cut the chain behind
      Value after = slow.as<ExceptionObject>()->context;
      slow = is_exception(after) ? after : each;
    }
    advance_slow = !advance_slow;
  }
  exception.as<ExceptionObject>()->context = context;
}

Error Thread::raise_object(Value exception) {
  chain_context(*this, exception, topmost(*this));
  current_exception = exception;
  return {};
}

Error Thread::raise_text(Exc kind, const std::string& message) {
  Value text(make_str(*this, message));
  return raise_object(make_exception(*this, kind, text));
}

Error Thread::raise_value(Exc kind, Value argument) {
  Value e;
  if (is_tuple(argument) && kind != Exc::KeyError && kind != Exc::StopIteration)
    e = make_exception_args(*this, kind, argument.as<TupleObject>());
  else
    e = make_exception(*this, kind, argument);
  return raise_object(e);
}

Error Thread::raise_os_error(int error_number, Value filename, Value filename2) {
  Value text(make_str(*this, std::strerror(error_number)));
  Value number = Value::from_int(error_number);
  TupleObject* args;
  if (!filename2.is_empty())
    args = make_tuple(*this, {number, text, filename, kNone, filename2});
  else if (!filename.is_empty())
    args = make_tuple(*this, {number, text, filename});
  else
    args = make_tuple(*this, {number, text});
  return raise_object(make_exception_args(*this, os_error_kind(error_number), args));
}

Error Thread::raise_memory_error() {
  Value e = runtime().emergency_memory_error;
  if (e.is_empty() || e.as<ExceptionObject>()->traceback.get().is_object())
    e = make_exception(*this, Exc::MemoryError, kEmpty);
  current_exception = e;
  return {};
}

Error Thread::raise_recursion_error(const char* where) {
  return raise_text(Exc::RecursionError, std::string("maximum recursion depth exceeded") + where);
}

bool Thread::exception_matches(Exc kind) const {
  return current_exception.is_object() &&
         is_subtype(current_exception.as_object()->type(), types_->exception(kind));
}

// ---------------------------------------------------------------- raise statements

static bool is_exception_class(Thread& t, Value v) {
  return is_type(v) && is_subtype(v.as<Type>(), t.types().exception(Exc::BaseException));
}

static Result<Value> instantiate(Thread& t, Value cls) {
  Value e = TRY(call(t, cls));
  if (!is_exception(e))
    return t.raise(Exc::TypeError, "calling {} should have returned an instance of BaseException, not {}",
                   repr_text(t, cls), repr_text(t, Value(type_of(t, e))));
  return e;
}

Error raise_from(Thread& t, Value what, Value cause) {
  Value exception;
  if (is_exception_class(t, what))
    exception = TRY(instantiate(t, what));
  else if (is_exception(what))
    exception = what;
  else
    return t.raise(Exc::TypeError, "exceptions must derive from BaseException");
  if (!cause.is_empty()) {
    Value fixed = kNone;
    if (is_exception_class(t, cause))
      fixed = TRY(instantiate(t, cause));
    else if (is_exception(cause))
      fixed = cause;
    else if (!cause.is_none())
      return t.raise(Exc::TypeError, "exception causes must derive from BaseException");
    exception.as<ExceptionObject>()->cause = fixed;
    exception.as<ExceptionObject>()->suppress_context = true;
  }
  return t.raise_object(exception);
}

bool is_exception_of(Thread& t, Value exception, Exc kind) {
  return exception.is_object() && is_subtype(exception.as_object()->type(), t.types().exception(kind));
}

static constexpr const char* kCannotCatch =
    "catching classes that do not inherit from BaseException is not allowed";

Result<bool> exception_matches(Thread& t, Value exception, Value cls) {
  if (is_tuple(cls)) {
    auto* tuple = cls.as<TupleObject>();
    for (size_t i = 0; i < tuple->size; ++i)
      if (!is_exception_class(t, (*tuple)[i])) return t.raise(Exc::TypeError, "{}", kCannotCatch);
    for (size_t i = 0; i < tuple->size; ++i)
      if (is_subtype(type_of(t, exception), (*tuple)[i].as<Type>())) return true;
    return false;
  }
  if (!is_exception_class(t, cls)) return t.raise(Exc::TypeError, "{}", kCannotCatch);
  return is_subtype(type_of(t, exception), cls.as<Type>());
}

}  // namespace mp
