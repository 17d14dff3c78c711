// BaseExceptionGroup and ExceptionGroup: construction, derive, split, subgroup.
#include "vm/types/exception_internal.h"
#include "vm/types/generic_alias.h"
#include "vm/types/number.h"

namespace mp {

static ExceptionObject* exc(Value v) { return v.as<ExceptionObject>(); }
static TupleObject* members(ExceptionObject* e) {
  return e->fields[kGroupExceptions].get().as<TupleObject>();
}
static bool is_group(Thread& t, Value v) { return is_exception_of(t, v, Exc::BaseExceptionGroup); }

static Result<Value> group_new(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  if (keyword_count(args) > 0 && !type->has(kTypeHeap))
    return t.raise(Exc::TypeError, "{}() takes no keyword arguments", type_name(type));
  if (args.count != 2)
    return t.raise(Exc::TypeError, "BaseExceptionGroup.__new__() takes exactly 2 arguments ({} given)",
                   args.count);
  if (!is_str(args.values[0]))
    return t.raise(Exc::TypeError, "BaseExceptionGroup.__new__() argument 1 must be str, not {}",
                   type_name(t, args.values[0]));
  Value given = args.values[1];
  Type* own = type_of(t, given);
  if (own->slots.get_item == nullptr || is_dict(given))
    return t.raise(Exc::TypeError, "second argument (exceptions) must be a sequence");
  Value tuple = TRY(to_tuple(t, given));
  auto* exceptions = tuple.as<TupleObject>();
  if (exceptions->size == 0)
    return t.raise(Exc::ValueError, "second argument (exceptions) must be a non-empty sequence");
  bool nested_base = false;
  for (size_t i = 0; i < exceptions->size; ++i) {
    if (!is_exception((*exceptions)[i]))
      return t.raise(Exc::ValueError, "Item {} of second argument (exceptions) is not an exception", i);
    if (!is_exception_of(t, (*exceptions)[i], Exc::Exception)) nested_base = true;
  }
  Type* base_group = t.types().exception(Exc::BaseExceptionGroup);
  Type* group = t.types().exception(Exc::ExceptionGroup);
  if (type == base_group) {
    if (!nested_base) type = group;  // all are Exceptions: an ExceptionGroup
  } else if (type == group) {
    if (nested_base) return t.raise(Exc::TypeError, "Cannot nest BaseExceptions in an ExceptionGroup");
  } else if (nested_base && is_subtype(type, t.types().exception(Exc::Exception))) {
    return t.raise(Exc::TypeError, "Cannot nest BaseExceptions in '{}'", type_name(type));
  }
  auto* e = t.heap().make<ExceptionObject>(t, type);
  e->args = Value(make_tuple(t, args.values, args.count));
  e->fields[kGroupMessage] = args.values[0];
  e->fields[kGroupExceptions] = tuple;
  return e;
}

static Result<Value> group_init(Thread& t, Value self, const CallArgs& args) {
  if (keyword_count(args) > 0)
    return t.raise(Exc::TypeError, "{}() takes no keyword arguments", type_name(t, self));
  exc(self)->args = Value(make_tuple(t, args.values, args.count));
  return kNone;
}

Result<Value> group_str(Thread& t, Value self) {
  size_t n = members(exc(self))->size;
  return make_str(t, fmt::format("{} ({} sub-exception{})", str_text(t, exc(self)->fields[kGroupMessage]), n,
                                 n == 1 ? "" : "s"));
}

Result<Value> group_repr(Thread& t, Value self) { return base_repr(t, self); }

// The new group of a part: self.derive(excs), with traceback, cause, context and notes of self.
static Result<Value> make_part(Thread& t, Value self, RootVector& part) {
  if (part.empty()) return kNone;
  Value list = make_list(t, part.data(), part.size());
  Value derived = TRY(call_method(t, self, intern(t, "derive"), {list}));
  if (!is_group(t, derived))
    return t.raise(Exc::TypeError, "derive must return an instance of BaseExceptionGroup");
  auto* to = exc(derived);
  auto* from = exc(self);
  to->traceback = from->traceback;
  to->context = from->context;
  to->cause = from->cause;
  to->suppress_context = from->suppress_context.load();
  Value notes = TRY(get_attr_or_not_found(t, self, t.names().__notes__));
  if (!notes.is_not_found()) {
    Type* type = type_of(t, notes);
    if (type->slots.iter != nullptr) {
      Value copy = TRY(to_list(t, notes));
      TRY(set_attr(t, derived, t.names().__notes__, copy));
    }
  }
  return derived;
}

enum class MatcherKind { Class, Predicate };
struct Matcher {
  MatcherKind kind;
  Value value;
};

static Result<bool> matches(Thread& t, const Matcher& matcher, Value e) {
  switch (matcher.kind) {
    case MatcherKind::Class: return exception_matches(t, e, matcher.value);
    case MatcherKind::Predicate: {
      Value v = TRY(call(t, matcher.value, {e}));
      return truth(t, v);
    }
  }
  return false;
}

struct Parts {
  Value match = kNone;
  Value rest = kNone;
};

static Result<Parts> split(Thread& t, Value e, const Matcher& matcher, bool want_rest) {
  TRY(t.check_stack(" in exceptiongroup_split_recursive"));
  Parts parts;
  if (TRY(matches(t, matcher, e))) {
    parts.match = e;
    return parts;
  }
  if (!is_group(t, e)) {
    if (want_rest) parts.rest = e;
    return parts;
  }
  RootVector match(t), rest(t);
  TupleObject* inner = members(exc(e));
  for (size_t i = 0; i < inner->size; ++i) {
    Parts each = TRY(split(t, (*inner)[i], matcher, want_rest));
    if (!each.match.is_none()) match.push_back(each.match);
    if (!each.rest.is_none()) rest.push_back(each.rest);
  }
  parts.match = TRY(make_part(t, e, match));
  if (want_rest) parts.rest = TRY(make_part(t, e, rest));
  return parts;
}

static Result<Matcher> matcher_of(Thread& t, Value v) {
  auto is_class = [&](Value c) {
    return is_type(c) && is_subtype(c.as<Type>(), t.types().exception(Exc::BaseException));
  };
  if (is_class(v)) return Matcher{MatcherKind::Class, v};
  if (is_tuple(v)) {
    bool all = true;
    auto* tuple = v.as<TupleObject>();
    for (size_t i = 0; i < tuple->size; ++i) all = all && is_class((*tuple)[i]);
    if (all) return Matcher{MatcherKind::Class, v};
  }
  if (is_callable(t, v) && !is_type(v)) return Matcher{MatcherKind::Predicate, v};
  return t.raise(
      Exc::TypeError,
      "expected an exception type, a tuple of exception types, or a callable (other than a class)");
}

static Result<Value> group_split(Thread& t, const Value* args) {
  Matcher matcher = TRY(matcher_of(t, args[1]));
  Parts parts = TRY(split(t, args[0], matcher, true));
  return make_tuple(t, {parts.match, parts.rest});
}
static Result<Value> group_subgroup(Thread& t, const Value* args) {
  Matcher matcher = TRY(matcher_of(t, args[1]));
  Parts parts = TRY(split(t, args[0], matcher, false));
  return parts.match;
}
static Result<Value> group_derive(Thread& t, const Value* args) {
  Value message = exc(args[0])->fields[kGroupMessage];
  return call(t, Value(t.types().exception(Exc::BaseExceptionGroup)), {message, args[1]});
}

const NativeDef kGroupMethods[] = {MP_RAW_NEW(group_new, "__new__(cls, message, exceptions, /)", nullptr),
                                   MP_RAW_METHOD(group_init, "__init__(self, /, *args, **kwargs)", nullptr),
                                   MP_METHOD(group_derive, "derive(self, excs, /)", nullptr),
                                   MP_METHOD(group_split, "split(self, matcher_value, /)", nullptr),
                                   MP_METHOD(group_subgroup, "subgroup(self, matcher_value, /)", nullptr),
                                   MP_CLASS_GETITEM,
                                   MP_END};
const GetSetDef kGroupGetSets[] = {{"message", get_field<kGroupMessage>, nullptr, "exception message"},
                                   {"exceptions", get_field<kGroupExceptions>, nullptr, "nested exceptions"},
                                   {}};

}  // namespace mp
