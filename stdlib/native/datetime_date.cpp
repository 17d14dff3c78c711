// date, and IsoCalendarDate, the tuple that isocalendar() returns.
#include "stdlib/native/datetime.h"

namespace mp {

namespace {

// ---------------------------------------------------------------- construction

constexpr const char* kParameterNames[] = {"year", "month", "day"};
constexpr Parameters kParameters = {nullptr, kParameterNames, 3, 3, 3, true};

Result<Value> date_new(Thread& t, Value cls, const CallArgs& args) {
  auto* type = cls.as<Type>();
  if (args.count == 1) {
    uint8_t buffer[4];
    const uint8_t* state = TRY(pickled_state(t, args, 4, 2, 12, 0xff, "date", buffer));
    if (state != nullptr)
      return make_date(t, type, Moment::of(state[0] * 256 + state[1], state[2], state[3]));
  }
  Value values[3];
  TRY(bind_constructor(t, kParameters, args, values));
  int64_t parts[3];
  for (size_t i = 0; i < 3; ++i) parts[i] = values[i].is_int() ? values[i].as_int() : 0;
  for (size_t i = 0; i < 3; ++i)
    if (!values[i].is_int() || parts[i] != static_cast<int>(parts[i])) parts[i] = TRY(to_c_int(t, values[i]));
  TRY(check_date(t, parts[0], parts[1], parts[2]));
  return make_date(
      t, type,
      Moment::of(static_cast<int>(parts[0]), static_cast<int>(parts[1]), static_cast<int>(parts[2])));
}

Result<Value> date_fromordinal(Thread& t, const Value* args) {
  int ordinal = TRY(to_c_int(t, args[1]));
  if (ordinal < 1) return t.raise(Exc::ValueError, "ordinal must be >= 1");
  if (ordinal > kMaxOrdinal) {
    // The year as the calendar goes on.
    Moment within = date_of((ordinal - 1) % 146097 + 1);
    return t.raise(Exc::ValueError, "year {} is out of range", within.year() + (ordinal - 1) / 146097 * 400);
  }
  return construct_date(t, args[0], date_of(ordinal));
}

Result<Value> date_fromisocalendar(Thread& t, const Value* args) {
  int64_t parts[3];
  for (size_t i = 0; i < 3; ++i) {
    Value index = TRY(to_index(t, args[i + 1]));
    if (!int_to_int64(index, &parts[i]) || parts[i] != static_cast<int>(parts[i]))
      return t.raise(Exc::ValueError, "ISO calendar component out of range");
  }
  IsoDate iso = {static_cast<int>(parts[0]), static_cast<int>(parts[1]), static_cast<int>(parts[2])};
  int64_t ordinal = 0;
  switch (ordinal_of_iso(iso, &ordinal)) {
    case IsoError::Year: return t.raise(Exc::ValueError, "Year is out of range: {}", iso.year);
    case IsoError::Week: return t.raise(Exc::ValueError, "Invalid week: {}", iso.week);
    case IsoError::Day: return t.raise(Exc::ValueError, "Invalid day: {} (range is [1, 7])", iso.day);
    case IsoError::None: break;
  }
  if (ordinal > kMaxOrdinal) return t.raise(Exc::ValueError, "year {} is out of range", kMaxYear + 1);
  return construct_date(t, args[0], date_of(ordinal));
}

// ---------------------------------------------------------------- arithmetic and order

Result<Value> date_shift(Thread& t, Value date, int64_t days) {
  return construct_date(t, date.as_object()->type(), TRY(date_shifted(t, moment_of(date), days)));
}
Result<Value> date_add(Thread& t, Value a, Value b) {
  if (is_plain_date(a) && is_delta(b)) return date_shift(t, a, b.as<DeltaObject>()->days);
  if (is_plain_date(b) && is_delta(a)) return date_shift(t, b, a.as<DeltaObject>()->days);
  return kNotImplemented;
}
Result<Value> date_sub(Thread& t, Value a, Value b) {
  if (!is_plain_date(a)) return kNotImplemented;
  if (is_delta(b)) return date_shift(t, a, -b.as<DeltaObject>()->days);
  if (is_plain_date(b))
    return make_delta(t, date_types(a), ordinal_of(moment_of(a)) - ordinal_of(moment_of(b)), 0);
  return kNotImplemented;
}
Result<Value> date_compare(Thread&, Value a, Value b, CompareOp op) {
  if (!is_plain_date(a) || !is_plain_date(b)) return kNotImplemented;
  return order_result(compare_order(moment_of(a).order(), moment_of(b).order()), op);
}
Result<int64_t> date_hash(Thread&, Value self) { return hash_bits(moment_of(self).date().order()); }

// ---------------------------------------------------------------- texts

Result<Value> date_isoformat(Thread& t, const Value* args) {
  std::string text;
  append_date(text, moment_of(args[0]));
  return str_or_error(make_str(t, text));
}
Result<Value> date_str(Thread& t, Value self) {
  if (type_of(t, self)->spec == &kDateSpec) return date_isoformat(t, &self);
  return call_method(t, self, intern(t, "isoformat"));
}
Result<Value> date_repr(Thread& t, Value self) {
  Moment date = moment_of(self);
  return str_or_error(
      make_str(t, fmt::format("{}({}, {}, {})", class_name(self), date.year(), date.month(), date.day())));
}

// ---------------------------------------------------------------- methods

Result<Value> date_replace(Thread& t, const Value* args) {
  Moment date = moment_of(args[0]);
  int64_t parts[3] = {date.year(), date.month(), date.day()};
  for (size_t i = 0; i < 3; ++i)
    if (!args[i + 1].is_empty()) parts[i] = TRY(to_c_int(t, args[i + 1]));
  Type* type = type_of(t, args[0]);
  if (type->spec == &kDateSpec) {
    TRY(check_date(t, parts[0], parts[1], parts[2]));
    return make_date(
        t, type,
        Moment::of(static_cast<int>(parts[0]), static_cast<int>(parts[1]), static_cast<int>(parts[2])));
  }
  return call(t, Value(type),
              {Value::from_int(parts[0]), Value::from_int(parts[1]), Value::from_int(parts[2])});
}
Result<Value> date_isocalendar(Thread& t, const Value* args) {
  IsoDate iso = iso_date_of(moment_of(args[0]));
  auto* tuple = allocate_tuple_of(t, date_types(args[0]).iso_date, 3);
  tuple->items()[0] = Value::from_int(iso.year);
  tuple->items()[1] = Value::from_int(iso.week);
  tuple->items()[2] = Value::from_int(iso.day);
  return Value(tuple);
}
Result<Value> date_isoweekday(Thread&, const Value* args) {
  return Value::from_int(weekday_of(ordinal_of(moment_of(args[0]))) + 1);
}
Result<Value> date_weekday(Thread&, const Value* args) {
  return Value::from_int(weekday_of(ordinal_of(moment_of(args[0]))));
}
Result<Value> date_toordinal(Thread&, const Value* args) {
  return Value::from_int(ordinal_of(moment_of(args[0])));
}
Result<Value> date_reduce(Thread& t, const Value* args) {
  Moment date = moment_of(args[0]);
  char state[] = {static_cast<char>(date.year() >> 8), static_cast<char>(date.year()),
                  static_cast<char>(date.month()), static_cast<char>(date.day())};
  Value bytes = TRY(str_or_error(make_bytes(t, {state, sizeof state})));
  return make_tuple(t, {Value(type_of(t, args[0])), Value(make_tuple(t, {bytes}))});
}

Result<Value> date_year(Thread&, Value self) { return Value::from_int(moment_of(self).year()); }
Result<Value> date_month(Thread&, Value self) { return Value::from_int(moment_of(self).month()); }
Result<Value> date_day(Thread&, Value self) { return Value::from_int(moment_of(self).day()); }

#define MP_DATE_REPLACE(name) \
  MP_METHOD(date_replace, name "(self, /, year=?, month=?, day=?)", "Return date with new specified fields.")
const NativeDef kMethods[] = {
    MP_RAW_NEW(date_new, "__new__(cls, /, *args, **kwargs)", nullptr),
    MP_CLASS_METHOD(date_fromtimestamp, "fromtimestamp(cls, timestamp, /)",
                    "Create a date from a POSIX timestamp.\n\nThe timestamp is a number, e.g. created via "
                    "time.time(), that is interpreted\nas local time."),
    MP_CLASS_METHOD(date_fromordinal, "fromordinal(cls, ordinal, /)",
                    "int -> date corresponding to a proleptic Gregorian ordinal."),
    MP_CLASS_METHOD(date_fromisoformat, "fromisoformat(cls, object, /)",
                    "str -> Construct a date from a string in ISO 8601 format."),
    MP_CLASS_METHOD(date_fromisocalendar, "fromisocalendar(cls, year, week, day)",
                    "int, int, int -> Construct a date from the ISO year, week number and weekday.\n\n"
                    "This is the inverse of the date.isocalendar() function"),
    MP_CLASS_METHOD(date_today, "today(cls, /)",
                    "Current date or datetime:  same as self.__class__.fromtimestamp(time.time())."),
    MP_METHOD(date_ctime, "ctime(self, /)", "Return ctime() style string."),
    MP_METHOD(date_strftime, "strftime(self, format)", "format -> strftime() style string."),
    MP_METHOD(any_format, "__format__(self, format, /)", "Formats self with strftime."),
    MP_METHOD(date_timetuple, "timetuple(self, /)", "Return time tuple, compatible with time.localtime()."),
    MP_METHOD(date_isocalendar, "isocalendar(self, /)",
              "Return a named tuple containing ISO year, week number, and weekday."),
    MP_METHOD(date_isoformat, "isoformat(self, /)", "Return string in ISO 8601 format, YYYY-MM-DD."),
    MP_METHOD(date_isoweekday, "isoweekday(self, /)",
              "Return the day of the week represented by the date.\nMonday == 1 ... Sunday == 7"),
    MP_METHOD(date_toordinal, "toordinal(self, /)",
              "Return proleptic Gregorian ordinal.  January 1 of year 1 is day 1."),
    MP_METHOD(date_weekday, "weekday(self, /)",
              "Return the day of the week represented by the date.\nMonday == 0 ... Sunday == 6"),
    MP_DATE_REPLACE("replace"),
    MP_DATE_REPLACE("__replace__"),
    MP_METHOD(date_reduce, "__reduce__(self, /)", "__reduce__() -> (cls, state)"),
    MP_END};
const GetSetDef kGetSets[] = {{"year", date_year, nullptr, nullptr},
                              {"month", date_month, nullptr, nullptr},
                              {"day", date_day, nullptr, nullptr},
                              {nullptr, nullptr, nullptr, nullptr}};

// ---------------------------------------------------------------- IsoCalendarDate

Result<Value> iso_new(Thread& t, const Value* args) {
  auto* tuple = allocate_tuple_of(t, args[0].as<Type>(), 3);
  for (size_t i = 0; i < 3; ++i) tuple->items()[i] = args[i + 1];
  return Value(tuple);
}
template <size_t I>
Result<Value> iso_item(Thread&, Value self) {
  return (*self.as<TupleObject>())[I];
}
Result<Value> iso_repr(Thread& t, Value self) {
  auto& tuple = *self.as<TupleObject>();
  std::string parts[3];
  for (size_t i = 0; i < 3; ++i) {
    Value text = TRY(str(t, tuple[i]));
    parts[i] = to_utf8(text.as<StrObject>());
  }
  return str_or_error(make_str(
      t, fmt::format("{}(year={}, week={}, weekday={})", class_name(self), parts[0], parts[1], parts[2])));
}
// A plain tuple stays when the class goes: the class has no public name.
Result<Value> iso_reduce(Thread& t, const Value* args) {
  auto& tuple = *args[0].as<TupleObject>();
  Value plain = make_tuple(t, {tuple[0], tuple[1], tuple[2]});
  return make_tuple(t, {Value(t.types().tuple), Value(make_tuple(t, {plain}))});
}
const NativeDef kIsoMethods[] = {MP_NEW(iso_new, "__new__(cls, /, year, week, weekday)", nullptr),
                                 MP_METHOD(iso_reduce, "__reduce__(self, /)", "__reduce__() -> (cls, state)"),
                                 MP_END};
const GetSetDef kIsoGetSets[] = {{"year", iso_item<0>, nullptr, nullptr},
                                 {"week", iso_item<1>, nullptr, nullptr},
                                 {"weekday", iso_item<2>, nullptr, nullptr},
                                 {nullptr, nullptr, nullptr, nullptr}};

}  // namespace

Value make_date(Thread& t, Type* type, Moment date) {
  auto* object = t.heap().make<DateObject>(t, type);
  object->moment = date;
  return object;
}
Result<Value> construct_date(Thread& t, Value cls, Moment date) {
  auto* type = cls.as<Type>();
  if (type->spec == &kDateSpec) return make_date(t, type, date);
  if (type->spec == &kDateTimeSpec) return make_datetime(t, type, date, kNone);
  return call(t, cls,
              {Value::from_int(date.year()), Value::from_int(date.month()), Value::from_int(date.day())});
}
Status check_date(Thread& t, int64_t year, int64_t month, int64_t day) {
  if (year < kMinYear || year > kMaxYear) return t.raise(Exc::ValueError, "year {} is out of range", year);
  if (month < 1 || month > 12) return t.raise(Exc::ValueError, "month must be in 1..12");
  if (day < 1 || day > days_in_month(static_cast<int>(year), static_cast<int>(month)))
    return t.raise(Exc::ValueError, "day is out of range for month");
  return {};
}
Result<Moment> checked_date_of(Thread& t, int64_t ordinal) {
  if (ordinal < 1 || ordinal > kMaxOrdinal) return t.raise(Exc::OverflowError, "date value out of range");
  return date_of(ordinal);
}
Result<Moment> date_shifted(Thread& t, Moment date, int64_t days) {
  int64_t day = date.day() + days;
  if (day >= 1 && day <= 28) return Moment::of(date.year(), date.month(), static_cast<int>(day));
  return checked_date_of(t, ordinal_of(date) + days);
}

const TypeSpec kDateSpec = {.name = "datetime.date",
                            .size = sizeof(DateObject),
                            .flags = kTypeBaseType,
                            .doc = "date(year, month, day) --> date object",
                            .slots = MP_SLOTS(.repr = date_repr, .str = date_str, .hash = date_hash,
                                              .compare = date_compare, .add = date_add, .sub = date_sub),
                            .methods = kMethods,
                            .getsets = kGetSets};
const TypeSpec kIsoDateSpec = {.name = "datetime.IsoCalendarDate",
                               .kind = Kind::Tuple,
                               .base = &BuiltinTypes::tuple,
                               .size = sizeof(TupleObject),
                               .doc =
                                   "The result of date.isocalendar() or datetime.isocalendar()\n\n"
                                   "This object may be accessed either as a tuple of\n"
                                   "  ((year, week, weekday)\n"
                                   "or via the object attributes as named in the above tuple.",
                               .slots = MP_SLOTS(.repr = iso_repr),
                               .methods = kIsoMethods,
                               .getsets = kIsoGetSets};

}  // namespace mp
