// tzinfo, the base class for zones written in script, and timezone, a fixed offset. The calls of a zone's
// methods with the checks of what they return are here too.
#include "stdlib/native/datetime.h"

namespace mp {

bool is_tzinfo(Value v) {
  const void* spec = spec_of(v);
  return spec == &kTimeZoneSpec || spec == &kTzinfoSpec;
}

// ---------------------------------------------------------------- calling a zone

Result<Offset> offset_of(Thread& t, Value zone, Value datetime, OffsetKind kind) {
  if (zone.is_none()) return Offset{};
  if (zone.as_object()->type()->spec == &kTimeZoneSpec) {
    if (kind == OffsetKind::Daylight) return Offset{};
    return Offset{true, total_microseconds(zone.as<TimeZoneObject>()->offset.get().as<DeltaObject>())};
  }
  DateTypes& types = date_types(zone);
  StrObject* name = kind == OffsetKind::Utc ? types.utcoffset : types.dst;
  Value offset = TRY(call_method(t, zone, name, {datetime}));
  if (offset.is_none()) return Offset{};
  if (!is_delta(offset))
    return t.raise(Exc::TypeError, "tzinfo.{}() must return None or timedelta, not '{}'", to_utf8(name),
                   type_name(t, offset));
  auto* delta = offset.as<DeltaObject>();
  if (delta->days < -1 || delta->days > 0 || (delta->days == -1 && delta->microseconds == 0))
    return t.raise(Exc::ValueError,
                   "offset must be a timedelta strictly between -timedelta(hours=24) and "
                   "timedelta(hours=24).");
  return Offset{true, total_microseconds(delta)};
}

Value offset_value(Thread& t, DateTypes& types, const Offset& offset) {
  return offset.known ? make_delta(t, types, offset.microseconds) : kNone;
}

Result<Value> zone_name(Thread& t, Value zone, Value datetime) {
  if (zone.is_none()) return kNone;
  Value name = TRY(call_method(t, zone, date_types(zone).tzname, {datetime}));
  if (!name.is_none() && !is_str(name))
    return t.raise(Exc::TypeError, "tzinfo.tzname() must return None or a string, not '{}'",
                   type_name(t, name));
  return name;
}

Result<Value> zone_fromutc(Thread& t, Value zone, Value datetime) {
  bool direct = zone.as_object()->type()->spec == &kTimeZoneSpec;
  if (direct && is_datetime(datetime) && zone_of(datetime) == zone)
    return datetime_shift(t, datetime, 0,
                          total_microseconds(zone.as<TimeZoneObject>()->offset.get().as<DeltaObject>()));
  return call_method(t, zone, date_types(zone).fromutc, {datetime});
}

// ---------------------------------------------------------------- tzinfo

namespace {

Result<Value> tzinfo_new(Thread& t, Value cls, const CallArgs&) {
  return Value(t.heap().make<Object>(t, cls.as<Type>()));
}
Error not_implemented(Thread& t, const char* method) {
  return t.raise(Exc::NotImplementedError, "a tzinfo subclass must implement {}()", method);
}
Result<Value> tzinfo_utcoffset(Thread& t, const Value*) { return not_implemented(t, "utcoffset"); }
Result<Value> tzinfo_dst(Thread& t, const Value*) { return not_implemented(t, "dst"); }
Result<Value> tzinfo_tzname(Thread& t, const Value*) { return not_implemented(t, "tzname"); }

Status check_fromutc(Thread& t, Value zone, Value datetime) {
  if (!is_datetime(datetime)) return t.raise(Exc::TypeError, "fromutc: argument must be a datetime");
  if (zone_of(datetime) != zone) return t.raise(Exc::ValueError, "fromutc: dt.tzinfo is not self");
  return {};
}

// For zones whose standard offset does not change: the standard time first, then the daylight saving time
// there (the algorithm that the documentation of tzinfo.fromutc describes).
Result<Value> tzinfo_fromutc(Thread& t, const Value* args) {
  Value zone = args[0], datetime = args[1];
  TRY(check_fromutc(t, zone, datetime));
  Offset offset = TRY(offset_of(t, zone, datetime));
  if (!offset.known) return t.raise(Exc::ValueError, "fromutc: non-None utcoffset() result required");
  Offset daylight = TRY(offset_of(t, zone, datetime, OffsetKind::Daylight));
  if (!daylight.known) return t.raise(Exc::ValueError, "fromutc: non-None dst() result required");
  Value standard = TRY(datetime_shift(t, datetime, 0, offset.microseconds - daylight.microseconds));
  daylight = TRY(offset_of(t, zone, standard, OffsetKind::Daylight));
  if (!daylight.known)
    return t.raise(Exc::ValueError, "fromutc: tz.dst() gave inconsistent results; cannot convert");
  if (daylight.microseconds == 0 || !is_datetime(standard)) return standard;
  return datetime_shift(t, standard, 0, daylight.microseconds);
}

Result<Value> tzinfo_reduce(Thread& t, const Value* args) {
  Value arguments = empty_tuple(t);
  Value getter = TRY(get_attr_or_not_found(t, args[0], intern(t, "__getinitargs__")));
  if (!getter.is_not_found()) arguments = TRY(call(t, getter));
  Value state = TRY(call_method(t, args[0], t.names().__getstate__));
  return make_tuple(t, {Value(type_of(t, args[0])), arguments, state});
}

const NativeDef kTzinfoMethods[] = {
    MP_RAW_NEW(tzinfo_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(tzinfo_tzname, "tzname(self, object, /)", "datetime -> string name of time zone."),
    MP_METHOD(tzinfo_utcoffset, "utcoffset(self, object, /)",
              "datetime -> timedelta showing offset from UTC, negative values indicating West of UTC"),
    MP_METHOD(tzinfo_dst, "dst(self, object, /)",
              "datetime -> DST offset as timedelta positive east of UTC."),
    MP_METHOD(tzinfo_fromutc, "fromutc(self, object, /)", "datetime in UTC -> datetime in local time."),
    MP_METHOD(tzinfo_reduce, "__reduce__(self, /)", "-> (cls, state)"),
    MP_END};

// ---------------------------------------------------------------- timezone

constexpr const char* kParameterNames[] = {"offset", "name"};
constexpr Parameters kParameters = {"timezone", kParameterNames, 2, 2, 1};

Result<Value> timezone_new(Thread& t, Value cls, const CallArgs& args) {
  Value values[2];
  TRY(bind_constructor(t, kParameters, args, values));
  if (!is_delta(values[0]))
    return t.raise(Exc::TypeError, "timezone() argument 1 must be datetime.timedelta, not {}",
                   values[0].is_none() ? "None" : type_name(t, values[0]));
  if (!values[1].is_empty() && !is_str(values[1]))
    return t.raise(Exc::TypeError, "timezone() argument 2 must be str, not {}",
                   values[1].is_none() ? "None" : type_name(t, values[1]));
  return make_timezone(t, date_types(cls.as<Type>()), values[0], values[1]);
}

Offset own_offset(Value zone) {
  return {true, total_microseconds(zone.as<TimeZoneObject>()->offset.get().as<DeltaObject>())};
}

Status check_argument(Thread& t, Value datetime, const char* method) {
  if (datetime.is_none() || is_datetime(datetime)) return {};
  return t.raise(Exc::TypeError, "{}(dt) argument must be a datetime instance or None, not {}", method,
                 type_name(t, datetime));
}
Result<Value> timezone_utcoffset(Thread& t, const Value* args) {
  TRY(check_argument(t, args[1], "utcoffset"));
  return args[0].as<TimeZoneObject>()->offset;
}
Result<Value> timezone_dst(Thread& t, const Value* args) {
  TRY(check_argument(t, args[1], "dst"));
  return kNone;
}
Result<Value> timezone_str(Thread& t, Value self) {
  auto* zone = self.as<TimeZoneObject>();
  if (!zone->name.get().is_empty()) return zone->name;
  std::string text = "UTC";
  if (own_offset(self).microseconds != 0) append_offset(text, own_offset(self), ":");
  return str_or_error(make_str(t, text));
}
Result<Value> timezone_tzname(Thread& t, const Value* args) {
  TRY(check_argument(t, args[1], "tzname"));
  return timezone_str(t, args[0]);
}
Result<Value> timezone_fromutc(Thread& t, const Value* args) {
  TRY(check_fromutc(t, args[0], args[1]));
  return datetime_shift(t, args[1], 0, own_offset(args[0]).microseconds);
}
Result<Value> timezone_getinitargs(Thread& t, const Value* args) {
  auto* zone = args[0].as<TimeZoneObject>();
  if (zone->name.get().is_empty()) return make_tuple(t, {zone->offset.get()});
  return make_tuple(t, {zone->offset.get(), zone->name.get()});
}
Result<Value> timezone_repr(Thread& t, Value self) {
  auto* zone = self.as<TimeZoneObject>();
  if (self == date_types(self).utc.get()) return make_str(t, "datetime.timezone.utc");
  std::string text = class_name(self) + "(" + repr_text(t, zone->offset);
  if (!zone->name.get().is_empty()) text += ", " + repr_text(t, zone->name);
  return str_or_error(make_str(t, text + ")"));
}
Result<Value> timezone_compare(Thread&, Value a, Value b, CompareOp op) {
  if ((op != CompareOp::Eq && op != CompareOp::Ne) || !is_timezone(b)) return kNotImplemented;
  return Value::from_bool((own_offset(a) == own_offset(b)) == (op == CompareOp::Eq));
}
Result<int64_t> timezone_hash(Thread& t, Value self) { return hash(t, self.as<TimeZoneObject>()->offset); }

void trace_timezone(Object* self, Tracer& tracer) {
  tracer.visit(static_cast<TimeZoneObject*>(self)->offset);
  tracer.visit(static_cast<TimeZoneObject*>(self)->name);
}

const NativeDef kTimeZoneMethods[] = {
    MP_RAW_NEW(timezone_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(timezone_tzname, "tzname(self, object, /)",
              "If name is specified when timezone is created, returns the name.  Otherwise returns offset as "
              "'UTC(+|-)HH:MM'."),
    MP_METHOD(timezone_utcoffset, "utcoffset(self, object, /)", "Return fixed offset."),
    MP_METHOD(timezone_dst, "dst(self, object, /)", "Return None."),
    MP_METHOD(timezone_fromutc, "fromutc(self, object, /)", "datetime in UTC -> datetime in local time."),
    MP_METHOD(timezone_getinitargs, "__getinitargs__(self, /)", "pickle support"),
    MP_END};

}  // namespace

Result<Value> make_timezone(Thread& t, DateTypes& types, Value offset, Value name) {
  auto* delta = offset.as<DeltaObject>();
  if (name.is_empty() && delta->days == 0 && delta->microseconds == 0) return types.utc;
  if (delta->days < -1 || delta->days > 0 || (delta->days == -1 && delta->microseconds == 0))
    return t.raise(Exc::ValueError,
                   "offset must be a timedelta strictly between -timedelta(hours=24) and "
                   "timedelta(hours=24), not {}.",
                   repr_text(t, offset));
  auto* zone = t.heap().make<TimeZoneObject>(t, types.timezone);
  zone->offset = offset;
  zone->name = name;
  return Value(zone);
}

const TypeSpec kTzinfoSpec = {.name = "datetime.tzinfo",
                              .flags = kTypeBaseType,
                              .doc = "Abstract base class for time zone info objects.",
                              .methods = kTzinfoMethods};
const TypeSpec kTimeZoneSpec = {.name = "datetime.timezone",
                                .base_spec = &kTzinfoSpec,
                                .size = sizeof(TimeZoneObject),
                                .doc = "Fixed offset from UTC implementation of tzinfo.",
                                .trace = trace_timezone,
                                .slots = MP_SLOTS(.repr = timezone_repr, .str = timezone_str,
                                                  .hash = timezone_hash, .compare = timezone_compare),
                                .methods = kTimeZoneMethods};

}  // namespace mp
