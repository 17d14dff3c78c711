// strftime, ctime and struct_time of dates and times.
#include <ctime>

#include "stdlib/native/datetime.h"
#include "stdlib/native/time_format.h"
#include "vm/modules/modules.h"

namespace mp {

namespace {

// ---------------------------------------------------------------- strftime

bool is_exactly_ours(Value v) {
  const void* spec = v.as_object()->type()->spec;
  return spec == &kDateSpec || spec == &kDateTimeSpec;
}
Moment any_moment(Value v) { return is_time(v) ? v.as<TimeObject>()->moment : moment_of(v); }
Value any_zone(Value v) {
  return is_time(v) ? v.as<TimeObject>()->zone.get() : is_datetime(v) ? zone_of(v) : kNone;
}

// UTF-8; UnicodeEncodeError for lone surrogates.
Result<std::string> encoded(Thread& t, Value text) {
  if (!text.as<StrObject>()->is_ascii()) (void)TRY(call_method(t, text, intern(t, "encode")));
  return to_utf8(text.as<StrObject>());
}

// %Z of a zone's name: what is formatted again must not see its percent signs. A str subclass decides itself.
Result<std::string> escaped_name(Thread& t, Value name) {
  if (!is_exact(name, t.types().str) || !name.as<StrObject>()->is_ascii()) {
    name = TRY(call_method(t, name, intern(t, "replace"), {make_str(t, "%"), make_str(t, "%%")}));
    if (!is_str(name)) return t.raise(Exc::TypeError, "tzname.replace() did not return a string");
    return encoded(t, name);
  }
  std::string out;
  for (char c : name.as<StrObject>()->ascii()) out.append(c == '%' ? 2 : 1, c);
  return out;
}

// The format with what the C library does not know put in: %f %z %:z %Z.
Result<std::string> expand(Thread& t, Value self, const std::string& format) {
  std::string out;
  Value zone = any_zone(self), datetime = is_time(self) ? kNone : self;
  const char* p = format.c_str();
  while (*p != '\0') {
    if (*p != '%') {
      out += *p++;
      continue;
    }
    if (p[1] == 'f') {
      append_digits(out, static_cast<uint32_t>(any_moment(self).microsecond()), 6);
      p += 2;
    } else if (p[1] == 'z' || (p[1] == ':' && p[2] == 'z')) {
      append_offset(out, TRY(offset_of(t, zone, datetime)), p[1] == ':' ? ":" : "");
      p += p[1] == ':' ? 3 : 2;
    } else if (p[1] == 'Z') {
      Value name = TRY(zone_name(t, zone, datetime));
      if (!name.is_none()) out += TRY(escaped_name(t, name));
      p += 2;
    } else {
      out += *p++;
      if (*p != '\0') out += *p++;
    }
  }
  return out;
}

tm tm_of(Moment moment, int daylight) {
  tm out = {};
  out.tm_year = moment.year() - 1900;
  out.tm_mon = moment.month() - 1;
  out.tm_mday = moment.day();
  out.tm_hour = moment.hour();
  out.tm_min = moment.minute();
  out.tm_sec = moment.second();
  out.tm_wday = (weekday_of(ordinal_of(moment)) + 1) % 7;
  out.tm_yday = day_of_year(moment) - 1;
  out.tm_isdst = daylight;
  return out;
}

Result<int> daylight_flag(Thread& t, Value self) {
  if (!is_datetime(self) || zone_of(self).is_none()) return -1;
  Offset daylight = TRY(offset_of(t, zone_of(self), self, OffsetKind::Daylight));
  return !daylight.known ? -1 : daylight.microseconds != 0 ? 1 : 0;
}

Result<std::string> format_argument(Thread& t, Value format, const char* function) {
  if (!is_str(format))
    return t.raise(Exc::TypeError, "{}() argument 1 must be str, not {}", function, type_name(t, format));
  return encoded(t, format);
}

// ---------------------------------------------------------------- struct_time

Value struct_time(Thread& t, Moment moment, int daylight) {
  Value fields[9] = {Value::from_int(moment.year()),
                     Value::from_int(moment.month()),
                     Value::from_int(moment.day()),
                     Value::from_int(moment.hour()),
                     Value::from_int(moment.minute()),
                     Value::from_int(moment.second()),
                     Value::from_int(weekday_of(ordinal_of(moment))),
                     Value::from_int(day_of_year(moment)),
                     Value::from_int(daylight)};
  return make_struct_time(t, fields);
}

}  // namespace

Result<Value> date_strftime(Thread& t, const Value* args) {
  std::string format = TRY(format_argument(t, args[1], "strftime"));
  if (is_exactly_ours(args[0])) {
    int daylight = TRY(daylight_flag(t, args[0]));
    return str_or_error(
        make_str(t, format_time(t, TRY(expand(t, args[0], format)), tm_of(moment_of(args[0]), daylight))));
  }
  // A subclass may have its own timetuple().
  Value tuple = TRY(call_method(t, args[0], intern(t, "timetuple")));
  Value expanded = TRY(str_or_error(make_str(t, TRY(expand(t, args[0], format)))));
  return call_method(t, TRY(import_module(t, "time")), intern(t, "strftime"), {expanded, tuple});
}
// On the first of January 1900: %Y and %j have something to show.
Result<Value> time_strftime(Thread& t, const Value* args) {
  std::string format = TRY(format_argument(t, args[1], "strftime"));
  Moment moment = Moment::of(1900, 1, 1).at(any_moment(args[0]));
  return str_or_error(make_str(t, format_time(t, TRY(expand(t, args[0], format)), tm_of(moment, -1))));
}
Result<Value> any_format(Thread& t, const Value* args) {
  if (!is_str(args[1]))
    return t.raise(Exc::TypeError, "__format__() argument 1 must be str, not {}", type_name(t, args[1]));
  if (args[1].as<StrObject>()->length() == 0) return str(t, args[0]);
  return call_method(t, args[0], intern(t, "strftime"), {args[1]});
}

Result<Value> date_ctime(Thread& t, const Value* args) {
  static constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static constexpr const char* kMonths[] = {"",    "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Moment m = moment_of(args[0]);
  return str_or_error(
      make_str(t, fmt::format("{} {} {:2d} {:02d}:{:02d}:{:02d} {:04d}", kDays[weekday_of(ordinal_of(m))],
                              kMonths[m.month()], m.day(), m.hour(), m.minute(), m.second(), m.year())));
}

Result<Value> date_timetuple(Thread& t, const Value* args) {
  return struct_time(t, moment_of(args[0]).date(), -1);
}
Result<Value> datetime_timetuple(Thread& t, const Value* args) {
  return struct_time(t, moment_of(args[0]), TRY(daylight_flag(t, args[0])));
}
Result<Value> datetime_utctimetuple(Thread& t, const Value* args) {
  Moment moment = moment_of(args[0]);
  Offset offset = TRY(offset_of(t, zone_of(args[0]), args[0]));
  int64_t microseconds = moment.microseconds_of_day() - offset.microseconds;
  Moment date = TRY(checked_date_of(t, ordinal_of(moment) + floor_divide(microseconds, kDay)));
  return struct_time(t, date.at_microseconds(floor_remainder(microseconds, kDay)), 0);
}

}  // namespace mp
