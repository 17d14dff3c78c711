// The builtins module: functions that are not types. Those that need frames (exec, eval, locals, ...) live in
// vm/exec.
#include <cmath>
#include <cstring>

#include "vm/exec/generator.h"
#include "vm/exec/interp.h"
#include "vm/modules/modules.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/protocol/walk.h"
#include "vm/types/exception.h"
#include "vm/types/iterator_support.h"
#include "vm/types/number.h"
#include "vm/types/range_values.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

Result<Value> builtin_abs(Thread& t, const Value* args) { return absolute(t, args[0]); }

Result<Value> builtin_all(Thread& t, const Value* args) {
  Walk walk(t);
  TRY(walk.begin(args[0]));
  for (;;) {
    Value item = TRY(walk.next());
    if (item.is_no_more()) return kTrue;
    if (!TRY(truth(t, item))) break;
  }
  drop_held(t, args[0]);
  return kFalse;
}
Result<Value> builtin_any(Thread& t, const Value* args) {
  Walk walk(t);
  TRY(walk.begin(args[0]));
  for (;;) {
    Value item = TRY(walk.next());
    if (item.is_no_more()) return kFalse;
    if (TRY(truth(t, item))) break;
  }
  drop_held(t, args[0]);
  return kTrue;
}

Result<Value> builtin_ascii(Thread& t, const Value* args) { return ascii(t, args[0]); }

Result<Value> number_in_base(Thread& t, Value v, int base, const char* prefix) {
  Value index = TRY(to_index(t, v));
  if (index.is_int()) {
    char buffer[72];
    int64_t n = index.as_int();
    uint64_t rest = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
    char* end = buffer + sizeof buffer;
    char* at = end;
    auto shift = static_cast<unsigned>(base == 2 ? 1 : base == 8 ? 3 : 4);
    do {
      *--at = "0123456789abcdef"[rest & (static_cast<unsigned>(base) - 1)];
      rest >>= shift;
    } while (rest != 0);
    *--at = prefix[1];
    *--at = prefix[0];
    if (n < 0) *--at = '-';
    return make_str(t, std::string_view(at, static_cast<size_t>(end - at)));
  }
  std::string text = int_to_text(index, base);
  text.insert(text[0] == '-' ? 1 : 0, prefix);
  return make_str(t, text);
}
Result<Value> builtin_bin(Thread& t, const Value* args) { return number_in_base(t, args[0], 2, "0b"); }
Result<Value> builtin_oct(Thread& t, const Value* args) { return number_in_base(t, args[0], 8, "0o"); }
Result<Value> builtin_hex(Thread& t, const Value* args) { return number_in_base(t, args[0], 16, "0x"); }

Result<Value> builtin_callable(Thread& t, const Value* args) {
  return Value::from_bool(is_callable(t, args[0]));
}

Result<Value> builtin_chr(Thread& t, const Value* args) {
  Value index = TRY(to_index(t, args[0]));
  int64_t code;
  if (!int_to_int64(index, &code) || code < 0 || code > 0x10FFFF)
    return t.raise(Exc::ValueError, "chr() arg not in range(0x110000)");
  return make_str_char(t, static_cast<uint32_t>(code));
}

Result<Value> builtin_ord(Thread& t, const Value* args) {
  Value v = args[0];
  size_t size;
  if (is_str(v)) {
    auto* s = v.as<StrObject>();
    if (s->length() == 1) return Value::from_int(s->at(0));
    size = s->length();
  } else if (is_bytes(v) || is_kind(v, Kind::ByteArray)) {
    std::string_view view = TRY(bytes_view(t, v));
    if (view.size() == 1) return Value::from_int(static_cast<uint8_t>(view[0]));
    size = view.size();
  } else {
    return t.raise(Exc::TypeError, "ord() expected string of length 1, but {} found", type_name(t, v));
  }
  return t.raise(Exc::TypeError, "ord() expected a character, but string of length {} found", size);
}

// Attribute names must be str.
Result<Value> attribute_name(Thread& t, Value name, const char*) {
  if (!is_str(name))
    return t.raise(Exc::TypeError, "attribute name must be string, not '{}'", type_name(t, name));
  auto* s = name.as<StrObject>();
  if (s->type() == t.types().str) return intern(t, s);
  return name;
}

Result<Value> builtin_delattr(Thread& t, const Value* args) {
  Value name = TRY(attribute_name(t, args[1], "delattr"));
  TRY(delete_attr(t, args[0], name.as<StrObject>()));
  return kNone;
}
Result<Value> builtin_setattr(Thread& t, const Value* args) {
  Value name = TRY(attribute_name(t, args[1], "setattr"));
  TRY(set_attr(t, args[0], name.as<StrObject>(), args[2]));
  return kNone;
}
Result<Value> builtin_getattr(Thread& t, const Value* args) {
  Value name = TRY(attribute_name(t, args[1], "getattr"));
  if (args[2].is_empty()) return get_attr(t, args[0], name.as<StrObject>());
  Value found = TRY(get_attr_or_not_found(t, args[0], name.as<StrObject>()));
  return found.is_not_found() ? args[2] : found;
}
Result<Value> builtin_hasattr(Thread& t, const Value* args) {
  Value name = TRY(attribute_name(t, args[1], "hasattr"));
  return Value::from_bool(TRY(has_attr(t, args[0], name.as<StrObject>())));
}

Result<Value> builtin_divmod(Thread& t, const Value* args) { return divmod(t, args[0], args[1]); }
Result<Value> builtin_format(Thread& t, const Value* args) {
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "format() argument 2 must be str, not {}", type_name(t, args[1]));
  return format(t, args[0], args[1]);
}
Result<Value> builtin_hash(Thread& t, const Value* args) { return make_int(t, TRY(hash(t, args[0]))); }
Result<Value> builtin_id(Thread& t, const Value* args) {
  // Inline values have no address: their word, moved out of the way of object addresses, is as unique.
  return make_int_unsigned(t, args[0].is_object() ? args[0].bits() : args[0].bits() ^ (uint64_t{1} << 60));
}
Result<Value> builtin_isinstance(Thread& t, const Value* args) {
  return Value::from_bool(TRY(is_instance_of(t, args[0], args[1])));
}
Result<Value> builtin_issubclass(Thread& t, const Value* args) {
  return Value::from_bool(TRY(is_subclass(t, args[0], args[1])));
}
Result<Value> builtin_len(Thread& t, const Value* args) {
  Value v = args[0];
  if (v.is_object()) [[likely]] {
    Type* type = v.as_object()->type();
    if (type == t.types().list) return Value::from_int(static_cast<int64_t>(v.as<ListObject>()->length()));
    if (type == t.types().str) return Value::from_int(static_cast<int64_t>(v.as<StrObject>()->length()));
    if (type == t.types().tuple) return Value::from_int(static_cast<int64_t>(v.as<TupleObject>()->size));
    if (type == t.types().dict) return Value::from_int(static_cast<int64_t>(v.as<DictObject>()->length()));
  }
  return make_int(t, TRY(length(t, v)));
}
Result<Value> builtin_repr(Thread& t, const Value* args) { return repr(t, args[0]); }
Result<Value> builtin_pow(Thread& t, const Value* args) { return power(t, args[0], args[1], args[2]); }

Result<Value> builtin_iter(Thread& t, const Value* args) {
  if (args[1].is_empty()) return get_iter(t, args[0]);
  if (!is_callable(t, args[0])) return t.raise(Exc::TypeError, "iter(v, w): v must be callable");
  return make_callable_iterator(t, args[0], args[1]);
}

Result<Value> builtin_next(Thread& t, const Value* args) {
  Type* type = type_of(t, args[0]);
  if (type->slots.next == nullptr)
    return t.raise(Exc::TypeError, "'{}' object is not an iterator", type_name(type));
  Result<Value> item = type == t.types().generator ? generator_next_value(t, args[0].as<GeneratorObject>())
                       // A script class: its StopIteration may carry a value, which the slot would drop.
                       : type->has(kTypeHeap) ? call_special(t, args[0], t.names().__next__)
                                              : type->slots.next(t, args[0]);
  if (item.is_error()) {
    if (!args[1].is_empty() && t.catch_exception(Exc::StopIteration)) return args[1];
    return Error{};
  }
  if (!item.value().is_no_more()) {
    drop_held(t, args[0]);
    return item;
  }
  if (!args[1].is_empty()) return args[1];
  return t.raise_object(make_exception_args(t, Exc::StopIteration, empty_tuple(t)));
}

Result<Value> builtin_aiter(Thread& t, const Value* args) {
  Type* type = type_of(t, args[0]);
  if (type->slots.aiter == nullptr)
    return t.raise(Exc::TypeError, "'{}' object is not an async iterable", type_name(type));
  Value iterator = TRY(type->slots.aiter(t, args[0]));
  if (type_of(t, iterator)->slots.anext == nullptr)
    return t.raise(Exc::TypeError, "aiter() returned not an async iterator of type '{}'",
                   type_name(t, iterator));
  return iterator;
}

Result<Value> builtin_sum(Thread& t, const Value* args) {
  Value total = args[1];
  if (total.is_empty()) total = Value::from_int(0);
  if (is_str(total)) return t.raise(Exc::TypeError, "sum() can't sum strings [use ''.join(seq) instead]");
  if (is_bytes(total)) return t.raise(Exc::TypeError, "sum() can't sum bytes [use b''.join(seq) instead]");
  if (is_kind(total, Kind::ByteArray))
    return t.raise(Exc::TypeError, "sum() can't sum bytearray [use b''.join(seq) instead]");
  int64_t start, step, length;
  if (total.is_int() && is_exact(args[0], t.types().range) &&
      range_in_words(args[0].as<RangeObject>(), &start, &step, &length)) {
    // As often as it has numbers: half of the first and the last together.
    __int128 ends = 2 * static_cast<__int128>(start) + static_cast<__int128>(length - 1) * step;
    if (auto word = static_cast<int64_t>(ends); word == ends) {
      Value doubled = TRY(int_mul(t, make_int(t, length), make_int(t, word)));
      return int_add(t, TRY(int_rshift(t, doubled, Value::from_int(1))), total);
    }
  }
  Walk walk(t);
  TRY(walk.begin(args[0]));
  // Ints and floats without dispatch; floats with compensation (Neumaier), as CPython 3.12+.
  double sum = 0, compensation = 0;
  bool floating = total.is_float_inline() || is_exact(total, t.types().float_);
  if (floating) sum = float_value(total);
  for (;;) {
    Value item = TRY(walk.next());
    if (item.is_no_more()) break;
    if (floating) {
      double x;
      if (is_exact(item, t.types().float_) || item.is_float_inline()) {
        x = float_value(item);
      } else if (item.is_int() || item.is_bool()) {
        x = static_cast<double>(item.is_int() ? item.as_int() : item.is_true());
        sum += x;
        continue;
      } else {
        if (compensation != 0 && std::isfinite(compensation)) sum += compensation;
        total = make_float(t, sum);
        floating = false;
        total = TRY(binary(t, BinaryOp::Add, total, item));
        continue;
      }
      double next = sum + x;
      compensation += std::fabs(sum) >= std::fabs(x) ? (sum - next) + x : (x - next) + sum;
      sum = next;
      continue;
    }
    if (total.is_int() && item.is_int()) {
      int64_t next = total.as_int() + item.as_int();  // of 63 bits each: no overflow
      total = Value::fits_int(next) ? Value::from_int(next) : make_int(t, next);
      continue;
    }
    total = TRY(binary(t, BinaryOp::Add, total, item));
    TRY(t.poll_within());  // each sum may be an object
    if (total.is_float_inline() || is_exact(total, t.types().float_)) {
      floating = true;
      sum = float_value(total);
      compensation = 0;
    }
  }
  if (floating) {
    if (compensation != 0 && std::isfinite(compensation)) sum += compensation;
    return make_float(t, sum);
  }
  return total;
}

// max and min.
Result<Value> extreme(Thread& t, const CallArgs& call, CompareOp op, const char* name) {
  Value key = kNone, fallback = kEmpty;
  if (!call.keyword_names.is_empty()) {
    auto* names = call.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < names->size; ++i) {
      auto* keyword = (*names)[i].as<StrObject>();
      if (str_equal(keyword, "key"))
        key = call.values[call.count + i];
      else if (str_equal(keyword, "default"))
        fallback = call.values[call.count + i];
      else
        return unexpected_keyword(t, std::string(name) + "()", to_utf8(keyword), {"key", "default"});
    }
  }
  if (call.count == 0) return t.raise(Exc::TypeError, "{} expected at least 1 argument, got 0", name);
  if (call.count > 1 && !fallback.is_empty())
    return t.raise(Exc::TypeError, "Cannot specify a default for {}() with multiple positional arguments",
                   name);
  Value best = kEmpty, best_key = kEmpty;
  auto consider = [&](Value item) -> Status {
    Value item_key = item;
    if (!key.is_none()) {
      TRY(t.poll_within());  // each key may be an object
      item_key = TRY(mp::call(t, key, {item}));
    }
    if (best.is_empty()) {
      best = item;
      best_key = item_key;
      return {};
    }
    bool better;
    if (item_key.is_int() && best_key.is_int())
      better =
          op == CompareOp::Lt ? item_key.as_int() < best_key.as_int() : item_key.as_int() > best_key.as_int();
    else if (item_key.is_float_inline() && best_key.is_float_inline())
      better = op == CompareOp::Lt ? item_key.as_float_inline() < best_key.as_float_inline()
                                   : item_key.as_float_inline() > best_key.as_float_inline();
    else
      better = TRY(compare_bool(t, item_key, best_key, op));
    if (better) {
      best = item;
      best_key = item_key;
    }
    return {};
  };
  if (call.count > 1) {
    for (size_t i = 0; i < call.count; ++i) TRY(consider(call.values[i]));
  } else {
    TRY(walk_each(t, call.values[0], consider));
  }
  if (!best.is_empty()) return best;
  if (!fallback.is_empty()) return fallback;
  return t.raise(Exc::ValueError, "{}() iterable argument is empty", name);
}
Result<Value> builtin_max(Thread& t, Value, const CallArgs& call) {
  return extreme(t, call, CompareOp::Gt, "max");
}
Result<Value> builtin_min(Thread& t, Value, const CallArgs& call) {
  return extreme(t, call, CompareOp::Lt, "min");
}

Result<Value> builtin_round(Thread& t, const Value* args) {
  // float.__round__ without a look-up; the processor rounds half to even.
  if (args[0].is_float_inline() && args[1].is_none() && std::fabs(args[0].as_float_inline()) < 1e15)
    return Value::from_int(std::llrint(args[0].as_float_inline()));
  if (args[0].is_int() && args[1].is_none()) return args[0];
  Value method = TRY(lookup_special(t, args[0], t.names().__round__));
  if (method.is_not_found())
    return t.raise(Exc::TypeError, "type {} doesn't define __round__ method", type_name(t, args[0]));
  if (args[1].is_none()) return call(t, method);
  return call(t, method, {args[1]});
}

Result<Value> builtin_sorted(Thread& t, Value, const CallArgs& args) {
  if (args.count != 1) return t.raise(Exc::TypeError, "sorted expected 1 argument, got {}", args.count);
  Value list = TRY(to_list(t, args.values[0]));
  Value key = kNone;
  bool reverse = false;
  size_t keywords = args.keyword_names.is_empty() ? 0 : args.keyword_names.as<TupleObject>()->size;
  for (size_t i = 0; i < keywords; ++i) {
    auto* name = (*args.keyword_names.as<TupleObject>())[i].as<StrObject>();
    if (str_equal(name, "key"))
      key = args.values[1 + i];
    else if (str_equal(name, "reverse"))
      reverse = TRY(truth(t, args.values[1 + i]));
    else
      return unexpected_keyword(t, "sort()", to_utf8(name), {"key", "reverse"});  // CPython calls list.sort()
  }
  TRY(list_sort(t, list.as<ListObject>(), key, reverse));
  return list;
}

// sys.stdout and friends: RuntimeError when gone.
Result<Value> sys_attribute(Thread& t, StrObject* name) {
  Value v = dict_get_str(t.runtime().sys_module->dict, name);
  if (v.is_not_found()) return t.raise(Exc::RuntimeError, "lost sys.{}", to_utf8(name));
  return v;
}

Result<Value> builtin_print(Thread& t, const Value* args) {
  auto* objects = args[0].as<TupleObject>();
  Value separator = args[1], end = args[2], file = args[3];
  if (file.is_none()) {
    file = TRY(sys_attribute(t, t.names().stdout));
    if (file.is_none()) return kNone;
  }
  if (!separator.is_none() && !is_str(separator))
    return t.raise(Exc::TypeError, "sep must be None or a string, not {}", type_name(t, separator));
  if (!end.is_none() && !is_str(end))
    return t.raise(Exc::TypeError, "end must be None or a string, not {}", type_name(t, end));
  Value write = TRY(get_attr(t, file, t.names().write));
  for (size_t i = 0; i < objects->size; ++i) {
    if (i > 0) {
      if (separator.is_none())
        TRY(call(t, write, {make_str_char(t, ' ')}));
      else
        TRY(call(t, write, {separator}));
    }
    Value text = TRY(str(t, (*objects)[i]));
    TRY(call(t, write, {text}));
  }
  if (end.is_none())
    TRY(call(t, write, {make_str_char(t, '\n')}));
  else
    TRY(call(t, write, {end}));
  if (TRY(truth(t, args[4]))) TRY(call_method(t, file, t.names().flush));
  return kNone;
}

Result<Value> builtin_input(Thread& t, const Value* args) {
  Value in = TRY(sys_attribute(t, t.names().stdin));
  Value out = TRY(sys_attribute(t, t.names().stdout));
  Value err = TRY(sys_attribute(t, t.names().stderr));
  if (in.is_none()) return t.raise(Exc::RuntimeError, "input(): lost sys.stdin");
  if (out.is_none()) return t.raise(Exc::RuntimeError, "input(): lost sys.stdout");
  if (!err.is_none() && call_method(t, err, t.names().flush).is_error()) t.clear_exception();
  if (!args[0].is_empty()) {
    Value prompt = TRY(str(t, args[0]));
    TRY(call_method(t, out, t.names().write, {prompt}));
  }
  if (call_method(t, out, t.names().flush).is_error()) t.clear_exception();
  Value line = TRY(call_method(t, in, t.names().readline));
  if (!is_str(line)) return t.raise(Exc::TypeError, "object.readline() returned non-string");
  auto* s = line.as<StrObject>();
  if (s->length() == 0) {
    TRY(t.poll());  // a Ctrl-C that came with the end of input says more
    return t.raise(Exc::EOFError, "EOF when reading a line");
  }
  if (s->at(s->length() - 1) == '\n') return str_slice(t, s, 0, s->length() - 1);
  return line;
}

Result<Value> builtin_open(Thread& t, Value, const CallArgs& call_args) {
  Value io = TRY(import_module(t, "_io"));
  Value open = TRY(get_attr(t, io, "open"));
  return call(t, open, call_args);
}

Result<Value> builtin_import(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "__import__() argument 1 must be str, not {}", type_name(t, args[0]));
  int64_t level = TRY(to_ssize(t, args[4]));
  DictObject* globals = is_dict(args[1]) ? args[1].as<DictObject>() : nullptr;
  return import_dotted(t, args[0].as<StrObject>(), globals, args[3], level);
}

Result<Value> builtin_breakpoint(Thread& t, Value, const CallArgs& args) {
  Value hook = dict_get_text(t, t.runtime().sys_module->dict, "breakpointhook");
  if (hook.is_not_found()) return t.raise(Exc::RuntimeError, "lost sys.breakpointhook");
  return call(t, hook, args);
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(builtin_abs, "abs(x, /)", "Return the absolute value of the argument."),
    MP_FUNCTION(builtin_aiter, "aiter(async_iterable, /)",
                "Return an AsyncIterator for an AsyncIterable object."),
    MP_CONSUMER(builtin_all, "all(iterable, /)",
                "Return True if bool(x) is True for all values x in the iterable.\n\nIf the iterable is "
                "empty, return True."),
    MP_CONSUMER(builtin_any, "any(iterable, /)",
                "Return True if bool(x) is True for any x in the iterable.\n\nIf the iterable is empty, "
                "return False."),
    MP_FUNCTION(builtin_ascii, "ascii(obj, /)", "Return an ASCII-only representation of an object."),
    MP_FUNCTION(builtin_bin, "bin(number, /)", "Return the binary representation of an integer."),
    MP_RAW_FUNCTION(builtin_breakpoint, "breakpoint(*args, **kws)", "Call sys.breakpointhook(*args, **kws)."),
    MP_FUNCTION(builtin_callable, "callable(obj, /)",
                "Return whether the object is callable (i.e., some kind of function)."),
    MP_FUNCTION(builtin_chr, "chr(i, /)",
                "Return a Unicode string of one character with ordinal i; 0 <= i <= 0x10ffff."),
    MP_FUNCTION(builtin_delattr, "delattr(obj, name, /)",
                "Deletes the named attribute from the given object."),
    MP_FUNCTION(builtin_divmod, "divmod(x, y, /)",
                "Return the tuple (x//y, x%y).  Invariant: div*y + mod == x."),
    MP_FUNCTION(builtin_format, "format(value, format_spec='', /)",
                "Return type(value).__format__(value, format_spec)."),
    MP_FUNCTION(builtin_getattr, "getattr(object, name, default=?, /)",
                "Get a named attribute from an object."),
    MP_FUNCTION(builtin_hasattr, "hasattr(obj, name, /)",
                "Return whether the object has an attribute with the given name."),
    MP_FUNCTION(builtin_hash, "hash(obj, /)", "Return the hash value for the given object."),
    MP_FUNCTION(builtin_hex, "hex(number, /)", "Return the hexadecimal representation of an integer."),
    MP_FUNCTION(builtin_id, "id(obj, /)", "Return the identity of an object."),
    MP_FUNCTION(builtin_import, "__import__(name, globals=None, locals=None, fromlist=(), level=0)",
                "Import a module."),
    MP_FUNCTION(builtin_input, "input(prompt=?, /)",
                "Read a string from standard input.  The trailing newline is stripped."),
    MP_QUIET_FUNCTION(builtin_isinstance, "isinstance(obj, class_or_tuple, /)",
                      "Return whether an object is an instance of a class or of a subclass thereof."),
    MP_FUNCTION(builtin_issubclass, "issubclass(cls, class_or_tuple, /)",
                "Return whether 'cls' is derived from another class or is the same class."),
    MP_FUNCTION(builtin_iter, "iter(object, sentinel=?, /)", "Get an iterator from an object."),
    MP_QUIET_FUNCTION(builtin_len, "len(obj, /)", "Return the number of items in a container."),
    MP_RAW_FUNCTION(
        builtin_max, "max(*args, default=?, key=None)",
        "max(iterable, *[, default=obj, key=func]) -> value\nmax(arg1, arg2, *args, *[, key=func]) -> "
        "value\n\n"
        "With a single iterable argument, return its biggest item, or the default if it is empty.\n"
        "With two or more positional arguments, return the largest argument."),
    MP_RAW_FUNCTION(
        builtin_min, "min(*args, default=?, key=None)",
        "min(iterable, *[, default=obj, key=func]) -> value\nmin(arg1, arg2, *args, *[, key=func]) -> "
        "value\n\n"
        "With a single iterable argument, return its smallest item, or the default if it is empty.\n"
        "With two or more positional arguments, return the smallest argument."),
    MP_CONSUMER(builtin_next, "next(iterator, default=?, /)", "Return the next item from the iterator."),
    MP_FUNCTION(builtin_oct, "oct(number, /)", "Return the octal representation of an integer."),
    MP_RAW_FUNCTION(builtin_open,
                    "open(file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, "
                    "closefd=True, opener=None)",
                    "Open file and return a stream.  Raise OSError upon failure."),
    MP_FUNCTION(builtin_ord, "ord(c, /)", "Return the Unicode code point for a one-character string."),
    MP_FUNCTION(builtin_pow, "pow(base, exp, mod=None)",
                "Equivalent to base**exp with 2 arguments or base**exp % mod with 3 arguments."),
    MP_FUNCTION(builtin_print, "print(*args, sep=' ', end='\\n', file=None, flush=False)",
                "Prints the values to a stream, or to sys.stdout by default."),
    MP_FUNCTION(builtin_repr, "repr(obj, /)", "Return the canonical string representation of the object."),
    MP_FUNCTION(builtin_round, "round(number, ndigits=None)",
                "Round a number to a given precision in decimal digits."),
    MP_FUNCTION(builtin_setattr, "setattr(obj, name, value, /)",
                "Sets the named attribute on the given object to the specified value."),
    MP_RAW_FUNCTION(builtin_sorted, "sorted(iterable, /, *, key=None, reverse=False)",
                    "Return a new list containing all items from the iterable in ascending order."),
    MP_CONSUMER(builtin_sum, "sum(iterable, /, start=0)",
                "Return the sum of a 'start' value (default: 0) plus an iterable of numbers"),
    MP_END};

}  // namespace

void add_builtins(Thread& t, ModuleObject* module) {
  for (const NativeDef* def = kFunctions; def->signature != nullptr; ++def) add_native(t, module, *def);
  for (const NativeDef* def = kInterpreterBuiltins; def->signature != nullptr; ++def)
    add_native(t, module, *def);
  DictObject* dict = module->dict;
  auto add = [&](const char* name, Value value) { MP_BOOT(dict_set_text(t, dict, name, value)); };
  add("None", kNone);
  add("True", kTrue);
  add("False", kFalse);
  add("Ellipsis", kEllipsis);
  add("NotImplemented", kNotImplemented);
  add("__debug__", Value::from_bool(t.runtime().options.optimize == 0));
  BuiltinTypes& types = t.types();
  const std::pair<const char*, Type*> exported[] = {{"bool", types.bool_},
                                                    {"memoryview", types.memoryview},
                                                    {"bytearray", types.bytearray},
                                                    {"bytes", types.bytes},
                                                    {"classmethod", types.classmethod},
                                                    {"complex", types.complex},
                                                    {"dict", types.dict},
                                                    {"enumerate", types.enumerate},
                                                    {"filter", types.filter},
                                                    {"float", types.float_},
                                                    {"frozenset", types.frozenset},
                                                    {"property", types.property},
                                                    {"int", types.int_},
                                                    {"list", types.list},
                                                    {"map", types.map},
                                                    {"object", types.object},
                                                    {"range", types.range},
                                                    {"reversed", types.reversed},
                                                    {"set", types.set},
                                                    {"slice", types.slice},
                                                    {"staticmethod", types.staticmethod},
                                                    {"str", types.str},
                                                    {"super", types.super},
                                                    {"tuple", types.tuple},
                                                    {"type", types.type},
                                                    {"zip", types.zip}};
  for (const auto& [name, type] : exported) add(name, type);
#define MP_EXC(name, base) add(#name, types.exception(Exc::name));
#include "vm/core/exceptions.def"
#undef MP_EXC
  add("EnvironmentError", types.exception(Exc::OSError));
  add("IOError", types.exception(Exc::OSError));
}

}  // namespace mp
