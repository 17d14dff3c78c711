// datetime: construction, arithmetic, order, attributes. What asks the system is in datetime_clock.cpp.
#include "stdlib/native/datetime.h"
#include "vm/modules/modules.h"

namespace mp {

namespace {

// ---------------------------------------------------------------- construction

constexpr const char* kParameterNames[] = {"year",   "month",       "day",    "hour", "minute",
                                           "second", "microsecond", "tzinfo", "fold"};
constexpr Parameters kParameters = {nullptr, kParameterNames, 9, 8, 3, true};
constexpr size_t kFields = 7;

Result<Value> datetime_from_fields(Thread& t, Type* type, const int64_t* f, Value zone, int64_t fold) {
  TRY(check_date(t, f[0], f[1], f[2]));
  TRY(check_time(t, f[3], f[4], f[5], f[6], fold));
  TRY(check_zone(t, zone));
  auto part = [f](size_t i) { return static_cast<int>(f[i]); };
  return make_datetime(
      t, type,
      Moment::of(part(0), part(1), part(2)).at(part(3), part(4), part(5), part(6), static_cast<int>(fold)),
      zone);
}

Result<Value> datetime_new(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  if (args.count >= 1 && args.count <= 2) {
    uint8_t buffer[10];
    const uint8_t* s = TRY(pickled_state(t, args, 10, 2, 12, 0x7f, "datetime", buffer));
    if (s != nullptr) {
      Value zone = args.count == 2 ? args.values[1] : kNone;
      if (!zone.is_none() && !is_tzinfo(zone)) return t.raise(Exc::TypeError, "bad tzinfo state arg");
      Moment date = Moment::of(s[0] * 256 + s[1], s[2] & 0x7f, s[3]);
      return make_datetime(t, type, date.at(s[4], s[5], s[6], (s[7] << 16) | (s[8] << 8) | s[9], s[2] >> 7),
                           zone);
    }
  }
  Value values[9];
  TRY(bind_constructor(t, kParameters, args, values));
  int64_t fields[kFields] = {};
  for (size_t i = 0; i < kFields; ++i)
    if (!values[i].is_empty()) fields[i] = TRY(to_c_int(t, values[i]));
  int64_t fold = values[8].is_empty() ? 0 : TRY(to_c_int(t, values[8]));
  return datetime_from_fields(t, type, fields, values[7].is_empty() ? kNone : values[7], fold);
}

Result<Value> datetime_combine(Thread& t, const Value* args) {
  if (!is_date(args[1]))
    return t.raise(Exc::TypeError, "combine() argument 1 must be datetime.date, not {}",
                   type_name(t, args[1]));
  if (!is_time(args[2]))
    return t.raise(Exc::TypeError, "combine() argument 2 must be datetime.time, not {}",
                   type_name(t, args[2]));
  auto* time = args[2].as<TimeObject>();
  Value zone = args[3].is_empty() ? time->zone.get() : args[3];
  TRY(check_zone(t, zone));
  return construct_datetime(t, args[0], moment_of(args[1]).at(time->moment), zone);
}

Result<Value> datetime_strptime(Thread& t, const Value* args) {
  for (size_t i = 1; i <= 2; ++i)
    if (!is_str(args[i]))
      return t.raise(Exc::TypeError, "strptime() argument {} must be str, not {}", i, type_name(t, args[i]));
  Value module = TRY(import_module(t, "_strptime"));
  return call_method(t, module, intern(t, "_strptime_datetime"), {args[0], args[1], args[2]});
}

// ---------------------------------------------------------------- order

Result<Offset> utc_offset(Thread& t, Value datetime) { return offset_of(t, zone_of(datetime), datetime); }

// Days and microseconds between two datetimes as UTC has them (or as they are shown, both naive).
void difference_of(Value a, const Offset& left, Value b, const Offset& right, int64_t* days,
                   int64_t* microseconds) {
  Moment x = moment_of(a), y = moment_of(b);
  *days = ordinal_of(x) - ordinal_of(y);
  *microseconds =
      x.microseconds_of_day() - y.microseconds_of_day() - (left.microseconds - right.microseconds);
}

// PEP 495: between zones, a time whose offset depends on the fold equals no other.
Result<bool> depends_on_fold(Thread& t, Value datetime, const Offset& offset) {
  Moment moment = moment_of(datetime);
  if (zone_of(datetime).is_none()) return false;
  Value other =
      make_datetime(t, date_types(datetime).datetime, moment.with_fold(1 - moment.fold()), zone_of(datetime));
  return !(TRY(utc_offset(t, other)) == offset);
}

Result<Value> datetime_compare(Thread& t, Value a, Value b, CompareOp op) {
  if (!is_datetime(b)) return kNotImplemented;
  if (zone_of(a) == zone_of(b))
    return order_result(compare_order(moment_of(a).order(), moment_of(b).order()), op);
  Offset left = TRY(utc_offset(t, a)), right = TRY(utc_offset(t, b));
  bool equality = op == CompareOp::Eq || op == CompareOp::Ne;
  int order;
  if (left == right) {
    order = compare_order(moment_of(a).order(), moment_of(b).order());
  } else if (left.known && right.known) {
    int64_t days, microseconds;
    difference_of(a, left, b, right, &days, &microseconds);
    int64_t total = days * kDay + microseconds;
    order = total < 0 ? -1 : total > 0 ? 1 : 0;
  } else {
    if (equality) return Value::from_bool(op == CompareOp::Ne);
    return t.raise(Exc::TypeError, "can't compare offset-naive and offset-aware datetimes");
  }
  if (equality && order == 0 && (TRY(depends_on_fold(t, a, left)) || TRY(depends_on_fold(t, b, right))))
    order = 1;
  return order_result(order, op);
}

// Independent of the fold, and of the zone: equal times have equal hashes.
Result<int64_t> datetime_hash(Thread& t, Value self) {
  auto* object = self.as<DateTimeObject>();
  Moment moment = object->moment;
  if (object->zone.get().is_none()) return hash_bits(moment.order());
  int64_t known = object->hash.load(std::memory_order_relaxed);
  if (known != 0) return known;
  Value first = moment.fold() == 0
                    ? self
                    : make_datetime(t, date_types(self).datetime, moment.with_fold(0), object->zone);
  Offset offset = TRY(utc_offset(t, first));
  int64_t hash =
      hash_bits(offset.known ? static_cast<uint64_t>(ordinal_of(moment) * kDay +
                                                     moment.microseconds_of_day() - offset.microseconds)
                             : moment.order());
  object->hash.store(hash, std::memory_order_relaxed);
  return hash;
}

// ---------------------------------------------------------------- arithmetic

Result<Value> datetime_add(Thread& t, Value a, Value b) {
  Value datetime = is_datetime(a) ? a : b, delta = is_datetime(a) ? b : a;
  if (!is_datetime(datetime) || !is_delta(delta)) return kNotImplemented;
  auto* d = delta.as<DeltaObject>();
  return datetime_shift(t, datetime, d->days, d->microseconds);
}
Result<Value> datetime_sub(Thread& t, Value a, Value b) {
  if (!is_datetime(a)) return kNotImplemented;
  if (is_delta(b))
    return datetime_shift(t, a, -b.as<DeltaObject>()->days, -b.as<DeltaObject>()->microseconds);
  if (!is_datetime(b)) return kNotImplemented;
  Offset left, right;
  if (zone_of(a) != zone_of(b)) {
    left = TRY(utc_offset(t, a));
    right = TRY(utc_offset(t, b));
    if (left.known != right.known)
      return t.raise(Exc::TypeError, "can't subtract offset-naive and offset-aware datetimes");
  }
  int64_t days, microseconds;
  difference_of(a, left, b, right, &days, &microseconds);
  return make_delta_checked(t, date_types(a), days, microseconds);
}

// ---------------------------------------------------------------- texts

Result<Value> isoformat(Thread& t, Value self, uint32_t separator, TimeSpec spec) {
  Moment moment = moment_of(self);
  std::string text;
  append_date(text, moment);
  if (separator < 128) {
    text += static_cast<char>(separator);
  } else {
    append_utf8(text, make_str_char(t, separator));
  }
  append_time(text, moment, spec);
  append_offset(text, TRY(utc_offset(t, self)), ":");
  return str_or_error(make_str(t, text));
}
Result<Value> datetime_isoformat(Thread& t, const Value* args) {
  uint32_t separator = 'T';
  if (!args[1].is_empty()) {
    if (!is_str(args[1]) || args[1].as<StrObject>()->length() != 1)
      return t.raise(Exc::TypeError, "isoformat() argument 1 must be a unicode character, not {}",
                     type_name(t, args[1]));
    separator = args[1].as<StrObject>()->at(0);
  }
  return isoformat(t, args[0], separator, TRY(parse_timespec(t, args[2], "isoformat", 2)));
}
Result<Value> datetime_str(Thread& t, Value self) {
  if (type_of(t, self)->spec == &kDateTimeSpec) return isoformat(t, self, ' ', TimeSpec::Auto);
  return call_method(t, self, intern(t, "isoformat"), {Value(make_str_char(t, ' '))});
}
Result<Value> datetime_repr(Thread& t, Value self) {
  Moment m = moment_of(self);
  std::string text = fmt::format("{}({}, {}, {}, {}, {}", class_name(self), m.year(), m.month(), m.day(),
                                 m.hour(), m.minute());
  if (m.second() != 0 || m.microsecond() != 0) text += fmt::format(", {}", m.second());
  if (m.microsecond() != 0) text += fmt::format(", {}", m.microsecond());
  if (m.fold() != 0) text += ", fold=1";
  if (!zone_of(self).is_none()) {
    Value zone = TRY(repr(t, zone_of(self)));
    text += ", tzinfo=" + to_utf8(zone.as<StrObject>());
  }
  return str_or_error(make_str(t, text + ")"));
}

// ---------------------------------------------------------------- methods

Result<Value> datetime_replace(Thread& t, const Value* args) {
  Moment m = moment_of(args[0]);
  int64_t fields[kFields] = {m.year(), m.month(), m.day(), m.hour(), m.minute(), m.second(), m.microsecond()};
  for (size_t i = 0; i < kFields; ++i)
    if (!args[i + 1].is_empty()) fields[i] = TRY(to_c_int(t, args[i + 1]));
  Value zone = args[8].is_empty() ? zone_of(args[0]) : args[8];
  int64_t fold = args[9].is_empty() ? m.fold() : TRY(to_c_int(t, args[9]));
  Type* type = type_of(t, args[0]);
  if (type->spec == &kDateTimeSpec) return datetime_from_fields(t, type, fields, zone, fold);
  if (fold != 0 && fold != 1) return t.raise(Exc::ValueError, "fold must be either 0 or 1");
  Value values[9];
  for (size_t i = 0; i < kFields; ++i) values[i] = Value::from_int(fields[i]);
  values[7] = zone;
  values[8] = Value::from_int(fold);
  return call(t, Value(type),
              {values, 8, fold == 0 ? kEmpty : Value(make_tuple(t, {Value(date_types(type).fold)}))});
}
Result<Value> datetime_date(Thread& t, const Value* args) {
  return make_date(t, date_types(args[0]).date, moment_of(args[0]).date());
}
Result<Value> datetime_time(Thread& t, const Value* args) {
  return make_time(t, date_types(args[0]).time, moment_of(args[0]).time(), kNone);
}
Result<Value> datetime_timetz(Thread& t, const Value* args) {
  return make_time(t, date_types(args[0]).time, moment_of(args[0]).time(), zone_of(args[0]));
}
Result<Value> datetime_utcoffset(Thread& t, const Value* args) {
  return offset_value(t, date_types(args[0]), TRY(utc_offset(t, args[0])));
}
Result<Value> datetime_dst(Thread& t, const Value* args) {
  Offset daylight = TRY(offset_of(t, zone_of(args[0]), args[0], OffsetKind::Daylight));
  return offset_value(t, date_types(args[0]), daylight);
}
Result<Value> datetime_tzname(Thread& t, const Value* args) {
  return zone_name(t, zone_of(args[0]), args[0]);
}

Result<Value> reduce(Thread& t, Value self, bool with_fold) {
  Moment m = moment_of(self);
  int us = m.microsecond();
  char state[] = {static_cast<char>(m.year() >> 8),
                  static_cast<char>(m.year()),
                  static_cast<char>(m.month() | (with_fold && m.fold() != 0 ? 0x80 : 0)),
                  static_cast<char>(m.day()),
                  static_cast<char>(m.hour()),
                  static_cast<char>(m.minute()),
                  static_cast<char>(m.second()),
                  static_cast<char>(us >> 16),
                  static_cast<char>(us >> 8),
                  static_cast<char>(us)};
  Value bytes = TRY(str_or_error(make_bytes(t, {state, sizeof state})));
  Value zone = zone_of(self);
  Value arguments = zone.is_none() ? make_tuple(t, {bytes}) : make_tuple(t, {bytes, zone});
  return make_tuple(t, {Value(type_of(t, self)), arguments});
}
Result<Value> datetime_reduce(Thread& t, const Value* args) { return reduce(t, args[0], false); }
Result<Value> datetime_reduce_ex(Thread& t, const Value* args) {
  return reduce(t, args[0], TRY(to_c_int(t, args[1])) > 3);
}

Result<Value> datetime_hour(Thread&, Value self) { return Value::from_int(moment_of(self).hour()); }
Result<Value> datetime_minute(Thread&, Value self) { return Value::from_int(moment_of(self).minute()); }
Result<Value> datetime_second(Thread&, Value self) { return Value::from_int(moment_of(self).second()); }
Result<Value> datetime_microsecond(Thread&, Value self) {
  return Value::from_int(moment_of(self).microsecond());
}
Result<Value> datetime_tzinfo(Thread&, Value self) { return zone_of(self); }
Result<Value> datetime_fold(Thread&, Value self) { return Value::from_int(moment_of(self).fold()); }

#define MP_DATETIME_REPLACE(name)                                                                        \
  MP_METHOD(datetime_replace,                                                                            \
            name                                                                                         \
            "(self, /, year=?, month=?, day=?, hour=?, minute=?, second=?, microsecond=?, tzinfo=?, *, " \
            "fold=?)",                                                                                   \
            "Return datetime with new specified fields.")
const NativeDef kMethods[] = {
    MP_RAW_NEW(datetime_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_CLASS_METHOD(
        datetime_now, "now(cls, tz=None)",
        "Returns new datetime object representing current time local to tz.\n\n  tz\n    Timezone "
        "object.\n\nIf no tz is specified, uses local timezone."),
    MP_CLASS_METHOD(datetime_utcnow, "utcnow(cls, /)",
                    "Return a new datetime representing UTC day and time."),
    MP_CLASS_METHOD(datetime_fromtimestamp, "fromtimestamp(cls, timestamp, tz=None)",
                    "timestamp[, tz] -> tz's local time from POSIX timestamp."),
    MP_CLASS_METHOD(datetime_utcfromtimestamp, "utcfromtimestamp(cls, timestamp, /)",
                    "Construct a naive UTC datetime from a POSIX timestamp."),
    MP_CLASS_METHOD(datetime_strptime, "strptime(cls, string, format, /)",
                    "string, format -> new datetime parsed from a string (like time.strptime())."),
    MP_CLASS_METHOD(datetime_combine, "combine(cls, date, time, tzinfo=?)",
                    "date, time -> datetime with same date and time fields"),
    MP_CLASS_METHOD(datetime_fromisoformat, "fromisoformat(cls, object, /)",
                    "string -> datetime from a string in most ISO 8601 formats"),
    MP_METHOD(datetime_date, "date(self, /)", "Return date object with same year, month and day."),
    MP_METHOD(datetime_time, "time(self, /)", "Return time object with same time but with tzinfo=None."),
    MP_METHOD(datetime_timetz, "timetz(self, /)", "Return time object with same time and tzinfo."),
    MP_METHOD(date_ctime, "ctime(self, /)", "Return ctime() style string."),
    MP_METHOD(datetime_timetuple, "timetuple(self, /)",
              "Return time tuple, compatible with time.localtime()."),
    MP_METHOD(datetime_timestamp, "timestamp(self, /)", "Return POSIX timestamp as float."),
    MP_METHOD(datetime_utctimetuple, "utctimetuple(self, /)",
              "Return UTC time tuple, compatible with time.localtime()."),
    MP_METHOD(
        datetime_isoformat, "isoformat(self, sep=?, timespec=?)",
        "[sep] -> string in ISO 8601 format, YYYY-MM-DDT[HH[:MM[:SS[.mmm[uuu]]]]][+HH:MM].\nsep is used "
        "to separate the year from the time, and defaults to 'T'.\nThe optional argument timespec "
        "specifies the number of additional terms\nof the time to include. Valid options are 'auto', "
        "'hours', 'minutes',\n'seconds', 'milliseconds' and 'microseconds'.\n"),
    MP_METHOD(datetime_utcoffset, "utcoffset(self, /)", "Return self.tzinfo.utcoffset(self)."),
    MP_METHOD(datetime_tzname, "tzname(self, /)", "Return self.tzinfo.tzname(self)."),
    MP_METHOD(datetime_dst, "dst(self, /)", "Return self.tzinfo.dst(self)."),
    MP_DATETIME_REPLACE("replace"),
    MP_DATETIME_REPLACE("__replace__"),
    MP_METHOD(datetime_astimezone, "astimezone(self, tz=None)",
              "tz -> convert to local time in new timezone tz\n"),
    MP_METHOD(datetime_reduce_ex, "__reduce_ex__(self, protocol, /)", "__reduce_ex__(proto) -> (cls, state)"),
    MP_METHOD(datetime_reduce, "__reduce__(self, /)", "__reduce__() -> (cls, state)"),
    MP_END};
const GetSetDef kGetSets[] = {
    {"hour", datetime_hour, nullptr, nullptr},     {"minute", datetime_minute, nullptr, nullptr},
    {"second", datetime_second, nullptr, nullptr}, {"microsecond", datetime_microsecond, nullptr, nullptr},
    {"tzinfo", datetime_tzinfo, nullptr, nullptr}, {"fold", datetime_fold, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr}};

void trace_datetime(Object* self, Tracer& tracer) { tracer.visit(static_cast<DateTimeObject*>(self)->zone); }

}  // namespace

Value make_datetime(Thread& t, Type* type, Moment moment, Value zone) {
  auto* object = t.heap().make<DateTimeObject>(t, type);
  object->moment = moment;
  object->zone = zone;
  return object;
}

Result<Value> construct_datetime(Thread& t, Value cls, Moment moment, Value zone) {
  auto* type = cls.as<Type>();
  if (type->spec == &kDateTimeSpec) return make_datetime(t, type, moment, zone);
  Value values[9] = {Value::from_int(moment.year()),
                     Value::from_int(moment.month()),
                     Value::from_int(moment.day()),
                     Value::from_int(moment.hour()),
                     Value::from_int(moment.minute()),
                     Value::from_int(moment.second()),
                     Value::from_int(moment.microsecond()),
                     zone,
                     Value::from_int(1)};
  return call(
      t, cls,
      {values, 8, moment.fold() == 0 ? kEmpty : Value(make_tuple(t, {Value(date_types(type).fold)}))});
}

Result<Value> datetime_shift(Thread& t, Value datetime, int64_t days, int64_t microseconds) {
  return datetime_shift(t, datetime, days, microseconds, zone_of(datetime));
}
Result<Value> datetime_shift(Thread& t, Value datetime, int64_t days, int64_t microseconds, Value zone) {
  Moment moment = moment_of(datetime);
  microseconds += moment.microseconds_of_day();
  days += floor_divide(microseconds, kDay);
  Moment date = moment.date();
  if (days != 0) date = TRY(date_shifted(t, moment, days));
  return construct_datetime(t, datetime.as_object()->type(),
                            date.at_microseconds(floor_remainder(microseconds, kDay)), zone);
}

const TypeSpec kDateTimeSpec = {
    .name = "datetime.datetime",
    .base_spec = &kDateSpec,
    .size = sizeof(DateTimeObject),
    .flags = kTypeBaseType,
    .doc =
        "datetime(year, month, day[, hour[, minute[, second[, microsecond[,tzinfo]]]]])\n\n"
        "The year, month and day arguments are required. tzinfo may be None, or an\n"
        "instance of a tzinfo subclass. The remaining arguments may be ints.\n",
    .trace = trace_datetime,
    .slots = MP_SLOTS(.repr = datetime_repr, .str = datetime_str, .hash = datetime_hash,
                      .compare = datetime_compare, .add = datetime_add, .sub = datetime_sub),
    .methods = kMethods,
    .getsets = kGetSets};

}  // namespace mp
