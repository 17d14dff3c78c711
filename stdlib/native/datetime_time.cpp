// time: a time of day, naive or with a zone.
#include "stdlib/native/datetime.h"

namespace mp {

namespace {

Value zone_of_time(Value time) { return time.as<TimeObject>()->zone; }
Moment time_of(Value time) { return time.as<TimeObject>()->moment; }
// Of an aware time, without a date to ask the zone about.
Result<Offset> time_offset(Thread& t, Value time) { return offset_of(t, zone_of_time(time), kNone); }

// ---------------------------------------------------------------- construction

constexpr const char* kParameterNames[] = {"hour", "minute", "second", "microsecond", "tzinfo", "fold"};
constexpr Parameters kParameters = {nullptr, kParameterNames, 6, 5, 0};

Result<Value> time_from_fields(Thread& t, Type* type, const int64_t* fields, Value zone, int64_t fold) {
  TRY(check_time(t, fields[0], fields[1], fields[2], fields[3], fold));
  TRY(check_zone(t, zone));
  return make_time(
      t, type,
      Moment().at(static_cast<int>(fields[0]), static_cast<int>(fields[1]), static_cast<int>(fields[2]),
                  static_cast<int>(fields[3]), static_cast<int>(fold)),
      zone);
}

Result<Value> time_new(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  if (args.count >= 1 && args.count <= 2) {
    uint8_t buffer[6];
    const uint8_t* s = TRY(pickled_state(t, args, 6, 0, 23, 0x7f, "time", buffer));
    if (s != nullptr) {
      Value zone = args.count == 2 ? args.values[1] : kNone;
      if (!zone.is_none() && !is_tzinfo(zone)) return t.raise(Exc::TypeError, "bad tzinfo state arg");
      return make_time(
          t, type, Moment().at(s[0] & 0x7f, s[1], s[2], (s[3] << 16) | (s[4] << 8) | s[5], s[0] >> 7), zone);
    }
  }
  Value values[6];
  TRY(bind_constructor(t, kParameters, args, values));
  int64_t fields[4] = {};
  for (size_t i = 0; i < 4; ++i)
    if (!values[i].is_empty()) fields[i] = TRY(to_c_int(t, values[i]));
  int64_t fold = values[5].is_empty() ? 0 : TRY(to_c_int(t, values[5]));
  return time_from_fields(t, type, fields, values[4].is_empty() ? kNone : values[4], fold);
}

// ---------------------------------------------------------------- order

Result<Value> time_compare(Thread& t, Value a, Value b, CompareOp op) {
  if (!is_time(b)) return kNotImplemented;
  Moment x = time_of(a), y = time_of(b);
  if (zone_of_time(a) == zone_of_time(b)) return order_result(compare_order(x.order(), y.order()), op);
  Offset left = TRY(time_offset(t, a)), right = TRY(time_offset(t, b));
  if (left.known != right.known) {
    if (op == CompareOp::Eq) return kFalse;
    if (op == CompareOp::Ne) return kTrue;
    return t.raise(Exc::TypeError, "can't compare offset-naive and offset-aware times");
  }
  int64_t difference =
      (x.microseconds_of_day() - left.microseconds) - (y.microseconds_of_day() - right.microseconds);
  return order_result(difference < 0 ? -1 : difference > 0 ? 1 : 0, op);
}

// Equal times have equal hashes whatever their fold and zones.
Result<int64_t> time_hash(Thread& t, Value self) {
  Moment time = time_of(self);
  int64_t microseconds = time.microseconds_of_day();
  if (!zone_of_time(self).is_none()) microseconds -= TRY(time_offset(t, self)).microseconds;
  return hash_bits(static_cast<uint64_t>(microseconds));
}

// ---------------------------------------------------------------- texts

Result<Value> isoformat(Thread& t, Value self, TimeSpec spec) {
  std::string text;
  append_time(text, time_of(self), spec);
  append_offset(text, TRY(time_offset(t, self)), ":");
  return str_or_error(make_str(t, text));
}
Result<Value> time_isoformat(Thread& t, const Value* args) {
  return isoformat(t, args[0], TRY(parse_timespec(t, args[1], "isoformat", 1)));
}
Result<Value> time_str(Thread& t, Value self) {
  if (type_of(t, self)->spec == &kTimeSpec) return isoformat(t, self, TimeSpec::Auto);
  return call_method(t, self, intern(t, "isoformat"));
}
Result<Value> time_repr(Thread& t, Value self) {
  Moment time = time_of(self);
  std::string text = fmt::format("{}({}, {}", class_name(self), time.hour(), time.minute());
  if (time.second() != 0 || time.microsecond() != 0) text += fmt::format(", {}", time.second());
  if (time.microsecond() != 0) text += fmt::format(", {}", time.microsecond());
  if (!zone_of_time(self).is_none()) {
    Value zone = TRY(repr(t, zone_of_time(self)));
    text += ", tzinfo=" + to_utf8(zone.as<StrObject>());
  }
  if (time.fold() != 0) text += ", fold=1";
  return str_or_error(make_str(t, text + ")"));
}

// ---------------------------------------------------------------- methods

Result<Value> time_replace(Thread& t, const Value* args) {
  Moment time = time_of(args[0]);
  int64_t fields[4] = {time.hour(), time.minute(), time.second(), time.microsecond()};
  for (size_t i = 0; i < 4; ++i)
    if (!args[i + 1].is_empty()) fields[i] = TRY(to_c_int(t, args[i + 1]));
  Value zone = args[5].is_empty() ? zone_of_time(args[0]) : args[5];
  int64_t fold = args[6].is_empty() ? time.fold() : TRY(to_c_int(t, args[6]));
  Type* type = type_of(t, args[0]);
  if (type->spec == &kTimeSpec) return time_from_fields(t, type, fields, zone, fold);
  if (fold != 0 && fold != 1) return t.raise(Exc::ValueError, "fold must be either 0 or 1");
  Value values[6] = {Value::from_int(fields[0]),
                     Value::from_int(fields[1]),
                     Value::from_int(fields[2]),
                     Value::from_int(fields[3]),
                     zone,
                     Value::from_int(fold)};
  return call(t, Value(type),
              {values, 5, fold == 0 ? kEmpty : Value(make_tuple(t, {Value(date_types(type).fold)}))});
}
Result<Value> time_utcoffset(Thread& t, const Value* args) {
  return offset_value(t, date_types(args[0]), TRY(time_offset(t, args[0])));
}
Result<Value> time_dst(Thread& t, const Value* args) {
  return offset_value(t, date_types(args[0]),
                      TRY(offset_of(t, zone_of_time(args[0]), kNone, OffsetKind::Daylight)));
}
Result<Value> time_tzname(Thread& t, const Value* args) { return zone_name(t, zone_of_time(args[0]), kNone); }

Result<Value> reduce(Thread& t, Value self, bool with_fold) {
  Moment time = time_of(self);
  int us = time.microsecond();
  char state[] = {static_cast<char>(time.hour() | (with_fold && time.fold() != 0 ? 0x80 : 0)),
                  static_cast<char>(time.minute()),
                  static_cast<char>(time.second()),
                  static_cast<char>(us >> 16),
                  static_cast<char>(us >> 8),
                  static_cast<char>(us)};
  Value bytes = TRY(str_or_error(make_bytes(t, {state, sizeof state})));
  Value zone = zone_of_time(self);
  Value arguments = zone.is_none() ? make_tuple(t, {bytes}) : make_tuple(t, {bytes, zone});
  return make_tuple(t, {Value(type_of(t, self)), arguments});
}
Result<Value> time_reduce(Thread& t, const Value* args) { return reduce(t, args[0], false); }
Result<Value> time_reduce_ex(Thread& t, const Value* args) {
  return reduce(t, args[0], TRY(to_c_int(t, args[1])) > 3);
}

Result<Value> time_hour(Thread&, Value self) { return Value::from_int(time_of(self).hour()); }
Result<Value> time_minute(Thread&, Value self) { return Value::from_int(time_of(self).minute()); }
Result<Value> time_second(Thread&, Value self) { return Value::from_int(time_of(self).second()); }
Result<Value> time_microsecond(Thread&, Value self) { return Value::from_int(time_of(self).microsecond()); }
Result<Value> time_tzinfo(Thread&, Value self) { return zone_of_time(self); }
Result<Value> time_fold(Thread&, Value self) { return Value::from_int(time_of(self).fold()); }

#define MP_TIME_REPLACE(name)                                                                               \
  MP_METHOD(time_replace, name "(self, /, hour=?, minute=?, second=?, microsecond=?, tzinfo=?, *, fold=?)", \
            "Return time with new specified fields.")
const NativeDef kMethods[] = {
    MP_RAW_NEW(time_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_METHOD(time_isoformat, "isoformat(self, timespec=?)",
              "Return string in ISO 8601 format, [HH[:MM[:SS[.mmm[uuu]]]]][+HH:MM].\n\nThe optional argument "
              "timespec specifies the number of additional terms\nof the time to include. Valid options are "
              "'auto', 'hours', 'minutes',\n'seconds', 'milliseconds' and 'microseconds'.\n"),
    MP_METHOD(time_strftime, "strftime(self, format)", "format -> strftime() style string."),
    MP_METHOD(any_format, "__format__(self, format, /)", "Formats self with strftime."),
    MP_METHOD(time_utcoffset, "utcoffset(self, /)", "Return self.tzinfo.utcoffset(self)."),
    MP_METHOD(time_tzname, "tzname(self, /)", "Return self.tzinfo.tzname(self)."),
    MP_METHOD(time_dst, "dst(self, /)", "Return self.tzinfo.dst(self)."),
    MP_TIME_REPLACE("replace"),
    MP_TIME_REPLACE("__replace__"),
    MP_CLASS_METHOD(time_fromisoformat, "fromisoformat(cls, object, /)",
                    "string -> time from a string in ISO 8601 format"),
    MP_METHOD(time_reduce_ex, "__reduce_ex__(self, protocol, /)", "__reduce_ex__(proto) -> (cls, state)"),
    MP_METHOD(time_reduce, "__reduce__(self, /)", "__reduce__() -> (cls, state)"),
    MP_END};
const GetSetDef kGetSets[] = {
    {"hour", time_hour, nullptr, nullptr},     {"minute", time_minute, nullptr, nullptr},
    {"second", time_second, nullptr, nullptr}, {"microsecond", time_microsecond, nullptr, nullptr},
    {"tzinfo", time_tzinfo, nullptr, nullptr}, {"fold", time_fold, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr}};

void trace_time(Object* self, Tracer& tracer) { tracer.visit(static_cast<TimeObject*>(self)->zone); }

}  // namespace

Value make_time(Thread& t, Type* type, Moment time, Value zone) {
  auto* object = t.heap().make<TimeObject>(t, type);
  object->moment = time;
  object->zone = zone;
  return object;
}
Result<Value> construct_time(Thread& t, Value cls, Moment time, Value zone) {
  auto* type = cls.as<Type>();
  if (type->spec == &kTimeSpec) return make_time(t, type, time, zone);
  return call(t, cls,
              {Value::from_int(time.hour()), Value::from_int(time.minute()), Value::from_int(time.second()),
               Value::from_int(time.microsecond()), zone});
}
Status check_time(Thread& t, int64_t hour, int64_t minute, int64_t second, int64_t microsecond,
                  int64_t fold) {
  if (hour < 0 || hour > 23) return t.raise(Exc::ValueError, "hour must be in 0..23");
  if (minute < 0 || minute > 59) return t.raise(Exc::ValueError, "minute must be in 0..59");
  if (second < 0 || second > 59) return t.raise(Exc::ValueError, "second must be in 0..59");
  if (microsecond < 0 || microsecond > 999999)
    return t.raise(Exc::ValueError, "microsecond must be in 0..999999");
  if (fold != 0 && fold != 1) return t.raise(Exc::ValueError, "fold must be either 0 or 1");
  return {};
}

const TypeSpec kTimeSpec = {
    .name = "datetime.time",
    .size = sizeof(TimeObject),
    .flags = kTypeBaseType,
    .doc =
        "time([hour[, minute[, second[, microsecond[, tzinfo]]]]]) --> a time object\n\n"
        "All arguments are optional. tzinfo may be None, or an instance of\n"
        "a tzinfo subclass. The remaining arguments may be ints.\n",
    .trace = trace_time,
    .slots = MP_SLOTS(.repr = time_repr, .str = time_str, .hash = time_hash, .compare = time_compare),
    .methods = kMethods,
    .getsets = kGetSets};

}  // namespace mp
