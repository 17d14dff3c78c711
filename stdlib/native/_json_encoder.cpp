// The encoder of _json: one pass over the object into one str.
#include <cmath>

#include "stdlib/native/json_native.h"
#include "vm/gc/heap.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"

namespace mp {

namespace {

struct EncoderObject : Object {
  Slot markers, default_function, encoder, indent, key_separator, item_separator;
  bool sort_keys = false, skip_keys = false, allow_nan = true;
  enum Fast : uint8_t { None, Ascii, Any } fast = None;  // which of our own escapers `encoder` is
};

class Encoder {
 public:
  Encoder(Thread& t, EncoderObject* options) : t_(t), options_(options), out(t) {}

  Status encode(Value v) {
    if (v.is_none()) {
      out.append_ascii("null");
      return {};
    }
    if (v.is_bool()) {
      out.append_ascii(v.is_true() ? "true" : "false");
      return {};
    }
    if (is_str(v)) return string(v);
    if (is_any_int(v)) return integer(v);
    if (is_float(v)) return number(v);
    if (is_list(v) || is_tuple(v) || is_dict(v)) {
      TRY(t_.check_stack(" while encoding a JSON object"));
      return is_dict(v) ? object(v) : array(v);
    }
    Value marker;
    TRY(enter(v, &marker));
    Value replacement = TRY(call(t_, options_->default_function, {v}));
    TRY(t_.check_stack(" while encoding a JSON object"));
    TRY(encode(replacement));
    return leave(marker);
  }

  StrObject* finish() { return out.finish_str(); }

 private:
  Status enter(Value v, Value* marker) {
    if (!is_dict(options_->markers)) return {};
    *marker = make_int(t_, static_cast<int64_t>(v.bits() >> 1));
    auto* markers = options_->markers.get().as<DictObject>();
    Value known = TRY(dict_get(t_, markers, *marker));
    if (!known.is_not_found()) return t_.raise(Exc::ValueError, "Circular reference detected");
    return dict_set(t_, markers, *marker, v);
  }
  Status leave(Value marker) {
    if (marker.is_empty()) return {};
    (void)TRY(dict_delete(t_, options_->markers.get().as<DictObject>(), marker));
    return {};
  }

  Status string(Value v) {
    if (options_->fast != EncoderObject::None) {
      json_append_string(out, v.as<StrObject>(), options_->fast == EncoderObject::Ascii);
      return {};
    }
    Value encoded = TRY(call(t_, options_->encoder, {v}));
    if (!is_str(encoded)) {
      return t_.raise(Exc::TypeError, "encoder() must return a string, not {}", type_name(t_, encoded));
    }
    out.append(encoded.as<StrObject>());
    return {};
  }
  Status integer(Value v) {  // int.__repr__, also for subclasses
    Value text = TRY(repr(t_, int_plain(t_, v)));
    out.append(text.as<StrObject>());
    return {};
  }
  Status number(Value v) {
    double d = float_value(v);
    if (std::isfinite(d)) {
      out.append_ascii(float_repr(d));
      return {};
    }
    if (!options_->allow_nan) {
      return t_.raise(Exc::ValueError, "Out of range float values are not JSON compliant: {}", float_repr(d));
    }
    out.append_ascii(std::isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
    return {};
  }

  Status array(Value v) {
    auto* tuple = is_tuple(v) ? v.as<TupleObject>() : nullptr;
    // A list may change while it is written: each item is looked up when its turn comes.
    auto item = [&](size_t i) {
      if (tuple == nullptr) return v.as<ListObject>()->at(i);
      return i < tuple->size ? (*tuple)[i] : kEmpty;
    };
    if (item(0).is_empty()) {
      out.append_ascii("[]");
      return {};
    }
    Value marker;
    TRY(enter(v, &marker));
    out.append('[');
    for (size_t i = 0;; ++i) {
      Value each = item(i);
      if (each.is_empty()) break;
      if (i != 0) out.append(options_->item_separator.get().as<StrObject>());
      TRY(encode(each));
    }
    out.append(']');
    return leave(marker);
  }

  // Appends one member; *first tells whether a separator is due.
  Status member(Value key, Value value, bool* first) {
    Value text = key;
    if (!is_str(key)) {
      if (is_float(key)) {
        Encoder inner(t_, options_);
        TRY(inner.number(key));
        text = TRY(str_or_error(inner.finish()));
      } else if (key.is_bool()) {
        text = Value(make_str(t_, key.is_true() ? "true" : "false"));
      } else if (key.is_none()) {
        text = Value(make_str(t_, "null"));
      } else if (is_any_int(key)) {
        text = TRY(repr(t_, int_plain(t_, key)));
      } else if (options_->skip_keys) {
        return {};
      } else {
        return t_.raise(Exc::TypeError, "keys must be str, int, float, bool or None, not {}",
                        type_name(t_, key));
      }
    }
    if (!*first) out.append(options_->item_separator.get().as<StrObject>());
    *first = false;
    TRY(string(text));
    out.append(options_->key_separator.get().as<StrObject>());
    return encode(value);
  }

  Status object(Value v) {
    auto* dict = v.as<DictObject>();
    if (dict->length() == 0) {
      out.append_ascii("{}");
      return {};
    }
    Value marker;
    TRY(enter(v, &marker));
    out.append('{');
    bool first = true;
    if (options_->sort_keys || !is_exact(v, t_.types().dict)) {
      Value items = TRY(call_method(t_, v, intern(t_, "items")));
      Value pairs = TRY(to_list(t_, items));
      auto* list = pairs.as<ListObject>();
      if (options_->sort_keys) TRY(list_sort(t_, list, kNone, false));
      for (size_t i = 0; i < list->length(); ++i) {
        Value pair = list->at(i);
        if (!is_tuple(pair) || pair.as<TupleObject>()->size != 2) {
          return t_.raise(Exc::ValueError, "items must return 2-tuples");
        }
        TRY(member((*pair.as<TupleObject>())[0], (*pair.as<TupleObject>())[1], &first));
      }
    } else {
      size_t position = 0;
      Value key, value;
      while (dict_next(dict, &position, &key, &value)) TRY(member(key, value, &first));
    }
    out.append('}');
    return leave(marker);
  }

  Thread& t_;
  EncoderObject* options_;

 public:
  StrBuilder out;
};

Result<Value> encoder_new(Thread& t, const Value* args) {
  auto* e = t.heap().make<EncoderObject>(t, args[0].as<Type>());
  if (!args[1].is_none() && !is_dict(args[1])) {
    return t.raise(Exc::TypeError, "make_encoder() argument 1 must be dict or None, not {}",
                   type_name(t, args[1]));
  }
  for (int i = 5; i <= 6; ++i) {
    if (!is_str(args[i])) {
      return t.raise(Exc::TypeError, "make_encoder() argument {} must be str, not {}", i,
                     type_name(t, args[i]));
    }
  }
  e->markers = args[1];
  e->default_function = args[2];
  e->encoder = args[3];
  e->indent = args[4];
  e->key_separator = args[5];
  e->item_separator = args[6];
  e->sort_keys = TRY(truth(t, args[7]));
  e->skip_keys = TRY(truth(t, args[8]));
  e->allow_nan = TRY(truth(t, args[9]));
  if (is_kind(args[3], Kind::NativeFunction)) {
    const NativeDef* def = args[3].as<NativeFunctionObject>()->def;
    if (def->call == json_encode_basestring_ascii) e->fast = EncoderObject::Ascii;
    if (def->call == json_encode_basestring) e->fast = EncoderObject::Any;
  }
  return Value(e);
}

Result<Value> encoder_call(Thread& t, Value self, const CallArgs& args) {
  Value object;
  if (args.count > 0) {
    object = args.values[0];
  } else if (!args.keyword_names.is_empty()) {
    auto* names = args.keyword_names.as<TupleObject>();
    for (size_t i = 0; i < names->size; ++i)
      if (str_equal((*names)[i].as<StrObject>(), "obj")) object = args.values[i];
  }
  if (object.is_empty()) return t.raise(Exc::TypeError, "encoder() missing required argument 'obj' (pos 1)");
  Encoder encoder(t, self.as<EncoderObject>());
  TRY(encoder.encode(object));
  StrObject* text = encoder.finish();
  if (text == nullptr) return Error{};
  return Value(make_tuple(t, {Value(text)}));
}

const NativeDef kEncoderMethods[] = {MP_NEW(encoder_new,
                                            "__new__(cls, markers, default, encoder, indent, key_separator, "
                                            "item_separator, sort_keys, skipkeys, allow_nan)",
                                            nullptr),
                                     MP_END};

void trace_encoder(Object* object, Tracer& tracer) {
  auto* e = static_cast<EncoderObject*>(object);
  tracer.visit(e->markers);
  tracer.visit(e->default_function);
  tracer.visit(e->encoder);
  tracer.visit(e->indent);
  tracer.visit(e->key_separator);
  tracer.visit(e->item_separator);
}

}  // namespace

const TypeSpec kJsonEncoderSpec = {.name = "_json.Encoder",
                                   .size = sizeof(EncoderObject),
                                   .flags = kTypeBaseType,
                                   .doc =
                                       "Encoder(markers, default, encoder, indent, key_separator, "
                                       "item_separator, sort_keys, skipkeys, allow_nan)",
                                   .trace = trace_encoder,
                                   .slots = MP_SLOTS(.call = encoder_call),
                                   .methods = kEncoderMethods};

}  // namespace mp
