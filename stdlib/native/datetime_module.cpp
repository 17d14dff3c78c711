// The module _datetime, and the binding of arguments that the constructors of its types share.
#include "stdlib/native/datetime.h"

namespace mp {

namespace {

std::string shown(const Parameters& p) {
  return p.function == nullptr ? "function" : std::string(p.function) + "()";
}
const char* plural(size_t n) { return n == 1 ? "" : "s"; }

}  // namespace

Status bind_constructor(Thread& t, const Parameters& p, const CallArgs& args, Value* out) {
  auto* names = args.keyword_names.is_empty() ? nullptr : args.keyword_names.as<TupleObject>();
  size_t keywords = names == nullptr ? 0 : names->size;
  if (args.count + keywords > p.total)
    return t.raise(Exc::TypeError, "{} takes {} {} {}argument{} ({} given)", shown(p), "at most", p.total,
                   args.count == 0 ? "keyword " : "", plural(p.total), args.count + keywords);
  if (args.count > p.positional)
    return t.raise(Exc::TypeError, "{} takes at most {} positional argument{} ({} given)", shown(p),
                   p.positional, plural(p.positional), args.count);
  for (size_t i = 0; i < p.total; ++i) out[i] = i < args.count ? args.values[i] : kEmpty;
  StrObject* unexpected = nullptr;
  for (size_t k = 0; k < keywords; ++k) {
    auto* name = (*names)[k].as<StrObject>();
    size_t at = 0;
    while (at < p.total && !str_equal(name, std::string_view(p.names[at]))) ++at;
    if (at == p.total) {
      if (unexpected == nullptr) unexpected = name;
    } else if (at < args.count) {
      return t.raise(Exc::TypeError, "argument for {} given by name ('{}') and position ({})", shown(p),
                     p.names[at], at + 1);
    } else {
      out[at] = args.values[args.count + k];
    }
  }
  for (size_t i = args.count; i < p.required; ++i) {
    if (!out[i].is_empty()) continue;
    // Those before it are looked at first.
    for (size_t before = 0; p.ints && before < i; ++before) TRY(to_c_int(t, out[before]));
    return t.raise(Exc::TypeError, "{} missing required argument '{}' (pos {})", shown(p), p.names[i], i + 1);
  }
  if (unexpected != nullptr)
    return unexpected_keyword(t, (p.function == nullptr ? "this " : "") + std::string(shown(p)),
                              to_utf8(unexpected), {p.names, p.names + p.total});
  return {};
}

// Pickles of Python 2 hold a str, which encoding='latin1' makes of the bytes.
Result<const uint8_t*> pickled_state(Thread& t, const CallArgs& args, size_t size, size_t checked_byte,
                                     int limit, int mask, const char* what, uint8_t* buffer) {
  Value state = args.values[0];
  const uint8_t* bytes = nullptr;
  if (is_bytes(state)) {
    if (state.as<BytesObject>()->size != size) return bytes;
    bytes = state.as<BytesObject>()->data();
  } else if (is_str(state)) {
    auto* text = state.as<StrObject>();
    if (text->length() != size || (static_cast<int>(text->at(checked_byte)) & mask) > limit) return bytes;
    for (size_t i = 0; i < size; ++i) {
      if (text->at(i) > 255)
        return t.raise(Exc::ValueError,
                       "Failed to encode latin1 string when unpickling a {} object. pickle.load(data, "
                       "encoding='latin1') is assumed.",
                       what);
      buffer[i] = static_cast<uint8_t>(text->at(i));
    }
    bytes = buffer;
  } else {
    return bytes;
  }
  bool date = size != 6;
  int checked = bytes[checked_byte] & mask;
  return checked > limit || (date && checked == 0) ? nullptr : bytes;
}

std::string class_name(Value v) { return type_name(v.as_object()->type()); }

Status check_zone(Thread& t, Value zone) {
  if (zone.is_none() || is_tzinfo(zone)) return {};
  return t.raise(Exc::TypeError, "tzinfo argument must be None or of a tzinfo subclass, not type '{}'",
                 type_name(t, zone));
}

namespace {

void trace_types(Object* self, Tracer& tracer) {
  auto* types = static_cast<DateTypes*>(self);
  for (Object* each : {static_cast<Object*>(types->date), static_cast<Object*>(types->time),
                       static_cast<Object*>(types->datetime), static_cast<Object*>(types->delta),
                       static_cast<Object*>(types->tzinfo), static_cast<Object*>(types->timezone),
                       static_cast<Object*>(types->iso_date), static_cast<Object*>(types->utcoffset),
                       static_cast<Object*>(types->dst), static_cast<Object*>(types->tzname),
                       static_cast<Object*>(types->fromutc), static_cast<Object*>(types->fold)})
    tracer.visit(each);
  tracer.visit(types->utc);
}
const TypeSpec kTypesSpec = {
    .name = "datetime._types", .size = sizeof(DateTypes), .flags = kTypeDisallowNew, .trace = trace_types};

Status set_limits(Thread& t, Type* type, Value least, Value greatest, Value resolution) {
  TRY(type_set_attr_raw(t, type, intern(t, "min"), least));
  TRY(type_set_attr_raw(t, type, intern(t, "max"), greatest));
  if (!resolution.is_empty()) TRY(type_set_attr_raw(t, type, intern(t, "resolution"), resolution));
  return {};
}

// Once per runtime: a module imported afresh has the same types.
Status make_types(Thread& t) {
  auto* types = t.heap().make<DateTypes>(t, native_type(t, kTypesSpec));
  types->date = native_type(t, kDateSpec);
  types->time = native_type(t, kTimeSpec);
  types->datetime = native_type(t, kDateTimeSpec);
  types->delta = native_type(t, kDeltaSpec);
  types->tzinfo = native_type(t, kTzinfoSpec);
  types->timezone = native_type(t, kTimeZoneSpec);
  types->iso_date = native_type(t, kIsoDateSpec);
  types->utcoffset = intern(t, "utcoffset");
  types->dst = intern(t, "dst");
  types->tzname = intern(t, "tzname");
  types->fromutc = intern(t, "fromutc");
  types->fold = intern(t, "fold");
  auto* utc = t.heap().make<TimeZoneObject>(t, types->timezone);
  utc->offset = make_delta(t, *types, 0, 0);
  types->utc = Value(utc);
  for (Type* type : {types->date, types->time, types->datetime, types->tzinfo, types->timezone})
    type->extra = Value(types);

  constexpr int64_t kMostDays = 999'999'999;
  constexpr Moment kFirst = Moment::of(kMinYear, 1, 1), kLast = Moment::of(kMaxYear, 12, 31);
  constexpr Moment kMidnight = Moment().at(0, 0, 0, 0), kEnd = Moment().at(23, 59, 59, 999999);
  Value tick = make_delta(t, *types, 0, 1);
  TRY(set_limits(t, types->delta, make_delta(t, *types, -kMostDays, 0),
                 make_delta(t, *types, kMostDays, kDay - 1), tick));
  TRY(set_limits(t, types->date, make_date(t, types->date, kFirst), make_date(t, types->date, kLast),
                 make_delta(t, *types, 1, 0)));
  TRY(set_limits(t, types->time, make_time(t, types->time, kMidnight, kNone),
                 make_time(t, types->time, kEnd, kNone), tick));
  TRY(set_limits(t, types->datetime, make_datetime(t, types->datetime, kFirst, kNone),
                 make_datetime(t, types->datetime, kLast.at(kEnd), kNone), tick));
  TRY(type_set_attr_raw(t, types->timezone, intern(t, "utc"), Value(utc)));
  constexpr int64_t kMostOffset = kDay - kMinute;
  TRY(set_limits(t, types->timezone,
                 TRY(make_timezone(t, *types, make_delta(t, *types, -kMostOffset), kEmpty)),
                 TRY(make_timezone(t, *types, make_delta(t, *types, kMostOffset), kEmpty)), kEmpty));
  types->delta->extra = Value(types);  // last: it says that all of this is done
  return {};
}

Status init_module(Thread& t, ModuleObject* module) {
  if (native_type(t, kDeltaSpec)->extra.get().is_empty()) TRY(make_types(t));
  auto* types = native_type(t, kDeltaSpec)->extra.get().as<DateTypes>();
  for (const TypeSpec* spec :
       {&kDateSpec, &kDateTimeSpec, &kTimeSpec, &kDeltaSpec, &kTzinfoSpec, &kTimeZoneSpec})
    module_add_type(t, module, *spec);
  TRY(module_add_int(t, module, "MINYEAR", kMinYear));
  TRY(module_add_int(t, module, "MAXYEAR", kMaxYear));
  return module_add(t, module, "UTC", types->utc);
}

}  // namespace

extern const ModuleSpec kDatetimeModule;
const ModuleSpec kDatetimeModule = {
    .name = "_datetime", .doc = "Fast implementation of the datetime type.", .init = init_module};

}  // namespace mp
