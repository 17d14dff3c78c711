// The time module: clocks, sleeping, calendar conversions.
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>

#include "stdlib/native/time_format.h"
#include "stdlib/native/time_value.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/thread_table.h"
#include "vm/threads/wait.h"
#include "vm/types/exception.h"
#include "vm/types/locale.h"
#include "vm/types/runtime.h"

namespace mp {

Result<Value> import_module(Thread& t, std::string_view dotted_name);  // vm/modules

std::string format_time(Thread& t, const std::string& format, const tm& broken) {
  locale_t locale = locale_of(t).current();
  std::string result;
  // Parts between NULs are formatted one by one: strftime stops at a NUL.
  for (size_t begin = 0; begin <= format.size();) {
    std::string part = format.c_str() + begin;
    if (!part.empty()) {
      std::string buffer(256, '\0');
      size_t limit = std::max<size_t>(part.size() * 256, 1024);
      for (;;) {
        size_t n = ::strftime_l(buffer.data(), buffer.size(), part.c_str(), &broken, locale);
        if (n > 0 || buffer.size() > limit) {
          result.append(buffer.data(), n);
          break;
        }
        buffer.resize(buffer.size() * 2);
      }
    }
    begin += part.size();
    if (begin < format.size()) result += '\0';
    ++begin;
  }
  return result;
}

namespace {

Value seconds(Thread& t, int64_t ns) { return make_float(t, static_cast<double>(ns) / 1e9); }

#define MP_CLOCK(name, reader)                                                     \
  Result<Value> name(Thread& t, const Value*) { return seconds(t, os::reader()); } \
  Result<Value> name##_ns(Thread& t, const Value*) { return make_int(t, os::reader()); }
MP_CLOCK(time_time, realtime_ns)
MP_CLOCK(time_monotonic, monotonic_ns)
MP_CLOCK(time_process_time, process_cpu_ns)
MP_CLOCK(time_thread_time, thread_cpu_ns)
#undef MP_CLOCK

Result<Value> time_sleep(Thread& t, const Value* args) {
  int64_t ns = TRY(time_from_seconds(t, args[0], TimeRounding::Up));
  if (ns < 0) return t.raise(Exc::ValueError, "sleep length must be non-negative");
  if (ns == 0) {
    yield_gil(t);
    TRY(t.poll());
    return kNone;
  }
  os::Deadline deadline = os::deadline_after(ns);
  while (park_until(t, deadline) == WaitResult::Interrupted) TRY(t.poll());
  return kNone;
}

// ---------------------------------------------------------------- clocks by number

Result<clockid_t> clock_id(Thread& t, Value v) { return static_cast<clockid_t>(TRY(to_c_int(t, v))); }
Result<int64_t> read_clock(Thread& t, Value id) {
  timespec now;
  if (::clock_gettime(TRY(clock_id(t, id)), &now) != 0) return t.raise_os_error(errno);
  return int64_t{now.tv_sec} * os::kNanosPerSecond + now.tv_nsec;
}
Result<Value> time_clock_gettime(Thread& t, const Value* args) {
  return seconds(t, TRY(read_clock(t, args[0])));
}
Result<Value> time_clock_gettime_ns(Thread& t, const Value* args) {
  return make_int(t, TRY(read_clock(t, args[0])));
}
Result<Value> time_clock_getres(Thread& t, const Value* args) {
  timespec resolution;
  if (::clock_getres(TRY(clock_id(t, args[0])), &resolution) != 0) return t.raise_os_error(errno);
  return make_float(t,
                    static_cast<double>(resolution.tv_sec) + static_cast<double>(resolution.tv_nsec) * 1e-9);
}
Status set_clock(Thread& t, Value id, int64_t ns) {
  timespec at;
  at.tv_sec = ns / os::kNanosPerSecond;
  at.tv_nsec = ns % os::kNanosPerSecond;
  if (::clock_settime(TRY(clock_id(t, id)), &at) != 0) return t.raise_os_error(errno);
  return {};
}
Result<Value> time_clock_settime(Thread& t, const Value* args) {
  TRY(set_clock(t, args[0], TRY(time_from_seconds(t, args[1], TimeRounding::Floor))));
  return kNone;
}
Result<Value> time_clock_settime_ns(Thread& t, const Value* args) {
  TRY(set_clock(t, args[0], TRY(to_int64(t, args[1]))));
  return kNone;
}
Result<Value> time_pthread_getcpuclockid(Thread& t, const Value* args) {
  clockid_t id;
  int rc = ::pthread_getcpuclockid(static_cast<pthread_t>(TRY(to_int64(t, args[0]))), &id);
  if (rc != 0) return t.raise_os_error(rc);
  return Value::from_int(id);
}

Result<Value> time_get_clock_info(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "get_clock_info() argument 1 must be str, not {}", type_name(t, args[0]));
  std::string name = to_utf8(args[0].as<StrObject>());
  os::Clock clock;
  if (name == "time")
    clock = os::Clock::Realtime;
  else if (name == "monotonic" || name == "perf_counter")
    clock = os::Clock::Monotonic;
  else if (name == "process_time")
    clock = os::Clock::ProcessCpu;
  else if (name == "thread_time")
    clock = os::Clock::ThreadCpu;
  else
    return t.raise(Exc::ValueError, "unknown clock");
  os::ClockInfo info = os::clock_info(clock);
  DictObject* fields = make_dict(t);
  TRY(dict_set_text(t, fields, "implementation", make_str(t, info.implementation)));
  TRY(dict_set_text(t, fields, "monotonic", Value::from_bool(info.monotonic)));
  TRY(dict_set_text(t, fields, "adjustable", Value::from_bool(info.adjustable)));
  TRY(dict_set_text(t, fields, "resolution", make_float(t, info.resolution)));
  return make_simple_namespace(t, fields);
}

// ---------------------------------------------------------------- calendar

const char* const kFields[] = {"tm_year", "tm_mon",  "tm_mday",  "tm_hour", "tm_min",    "tm_sec",
                               "tm_wday", "tm_yday", "tm_isdst", "tm_zone", "tm_gmtoff", nullptr};
const StructSequenceSpec kStructTime = {
    "time.struct_time", kFields, 9,
    "The time value as returned by gmtime(), localtime(), and strptime(), and\n"
    " accepted by asctime(), mktime() and strftime().  May be considered as a\n"
    " sequence of 9 integers.\n\n Note that several fields' values are not the same as those defined by\n"
    " the C language standard for struct tm.  For example, the value of the\n"
    " field tm_year is the actual year, not year - 1900.  See individual\n fields' descriptions for "
    "details."};

Value make_struct_time(Thread& t, const tm& b, const char* zone, int64_t offset) {
  Value values[11] = {Value::from_int(int64_t{b.tm_year} + 1900),
                      Value::from_int(b.tm_mon + 1),
                      Value::from_int(b.tm_mday),
                      Value::from_int(b.tm_hour),
                      Value::from_int(b.tm_min),
                      Value::from_int(b.tm_sec),
                      Value::from_int((b.tm_wday + 6) % 7),
                      Value::from_int(b.tm_yday + 1),
                      Value::from_int(b.tm_isdst),
                      make_str(t, zone != nullptr ? zone : ""),
                      Value::from_int(offset)};
  return make_struct_sequence(t, struct_sequence_type(t, kStructTime), values, 11);
}

Result<time_t> time_argument(Thread& t, Value v) {
  if (v.is_none()) return static_cast<time_t>(os::realtime_ns() / os::kNanosPerSecond);
  if (is_float(v)) {
    double d = float_value(v);
    if (std::isnan(d)) return t.raise(Exc::ValueError, "Invalid value NaN (not a number)");
    d = std::floor(d);
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0))
      return t.raise(Exc::OverflowError, "timestamp out of range for platform time_t");
    return static_cast<time_t>(d);
  }
  int64_t whole;
  if (!int_to_int64(TRY(to_index(t, v)), &whole))
    return t.raise(Exc::OverflowError, "timestamp out of range for platform time_t");
  return static_cast<time_t>(whole);
}

Result<Value> time_gmtime(Thread& t, const Value* args) {
  time_t when = TRY(time_argument(t, args[0]));
  tm broken;
  errno = 0;
  if (gmtime_r(&when, &broken) == nullptr) return t.raise_os_error(errno == 0 ? EINVAL : errno);
  return make_struct_time(t, broken, "GMT", 0);
}
Result<Value> time_localtime(Thread& t, const Value* args) {
  time_t when = TRY(time_argument(t, args[0]));
  tm broken;
  errno = 0;
  if (localtime_r(&when, &broken) == nullptr) return t.raise_os_error(errno == 0 ? EINVAL : errno);
  return make_struct_time(t, broken, broken.tm_zone, broken.tm_gmtoff);
}

// struct_time or 9-tuple to struct tm; `zone` keeps the text alive.
Status parse_tuple(Thread& t, Value v, const char* function, tm* out, std::string* zone) {
  if (!is_tuple(v)) return t.raise(Exc::TypeError, "Tuple or struct_time argument required");
  auto* tuple = v.as<TupleObject>();
  if (tuple->size != 9) return t.raise(Exc::TypeError, "{}(): illegal time tuple argument", function);
  int64_t f[9];
  for (size_t i = 0; i < 9; ++i) f[i] = TRY(to_c_int(t, (*tuple)[i]));
  if (f[0] < int64_t{INT32_MIN} + 1900) return t.raise(Exc::OverflowError, "year out of range");
  std::memset(out, 0, sizeof *out);
  out->tm_year = static_cast<int>(f[0] - 1900);
  out->tm_mon = static_cast<int>(f[1] - 1);
  out->tm_mday = static_cast<int>(f[2]);
  out->tm_hour = static_cast<int>(f[3]);
  out->tm_min = static_cast<int>(f[4]);
  out->tm_sec = static_cast<int>(f[5]);
  out->tm_wday = static_cast<int>((f[6] + 1) % 7);
  out->tm_yday = static_cast<int>(f[7] - 1);
  out->tm_isdst = static_cast<int>(f[8]);
  if (type_of(t, v) == struct_sequence_type(t, kStructTime)) {
    Value name = TRY(get_attr(t, v, "tm_zone"));
    if (is_str(name)) {
      *zone = to_utf8(name.as<StrObject>());
      out->tm_zone = zone->c_str();
    }
    Value offset = TRY(get_attr(t, v, "tm_gmtoff"));
    if (!offset.is_none()) out->tm_gmtoff = TRY(to_int64(t, offset));
  }
  return {};
}

// Zero is accepted for month, day and day of year, as 1.
Status check_ranges(Thread& t, tm* b) {
  if (b->tm_mon == -1)
    b->tm_mon = 0;
  else if (b->tm_mon < 0 || b->tm_mon > 11)
    return t.raise(Exc::ValueError, "month out of range");
  if (b->tm_mday == 0)
    b->tm_mday = 1;
  else if (b->tm_mday < 0 || b->tm_mday > 31)
    return t.raise(Exc::ValueError, "day of month out of range");
  if (b->tm_hour < 0 || b->tm_hour > 23) return t.raise(Exc::ValueError, "hour out of range");
  if (b->tm_min < 0 || b->tm_min > 59) return t.raise(Exc::ValueError, "minute out of range");
  if (b->tm_sec < 0 || b->tm_sec > 61) return t.raise(Exc::ValueError, "seconds out of range");
  if (b->tm_wday < 0) return t.raise(Exc::ValueError, "day of week out of range");
  if (b->tm_yday == -1)
    b->tm_yday = 0;
  else if (b->tm_yday < 0 || b->tm_yday > 365)
    return t.raise(Exc::ValueError, "day of year out of range");
  return {};
}

Result<Value> asctime_of(Thread& t, const tm& b) {
  static const char* const kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char* const kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return str_or_error(
      make_str(t, fmt::format("{} {}{:3d} {:02d}:{:02d}:{:02d} {}", kDays[b.tm_wday], kMonths[b.tm_mon],
                              b.tm_mday, b.tm_hour, b.tm_min, b.tm_sec, int64_t{b.tm_year} + 1900)));
}

Result<Value> time_asctime(Thread& t, const Value* args) {
  tm broken;
  std::string zone;
  if (args[0].is_empty()) {
    time_t now = ::time(nullptr);
    localtime_r(&now, &broken);
  } else {
    TRY(parse_tuple(t, args[0], "asctime", &broken, &zone));
    TRY(check_ranges(t, &broken));
  }
  return asctime_of(t, broken);
}
Result<Value> time_ctime(Thread& t, const Value* args) {
  time_t when = TRY(time_argument(t, args[0]));
  tm broken;
  errno = 0;
  if (localtime_r(&when, &broken) == nullptr) return t.raise_os_error(errno == 0 ? EINVAL : errno);
  return asctime_of(t, broken);
}
Result<Value> time_mktime(Thread& t, const Value* args) {
  tm broken;
  std::string zone;
  TRY(parse_tuple(t, args[0], "mktime", &broken, &zone));
  broken.tm_wday = -1;  // stays -1 when mktime fails
  time_t result = ::mktime(&broken);
  if (result == -1 && broken.tm_wday == -1)
    return t.raise(Exc::OverflowError, "mktime argument out of range");
  return make_float(t, static_cast<double>(result));
}

Result<Value> time_strftime(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "strftime() argument 1 must be str, not {}", type_name(t, args[0]));
  tm broken;
  std::string zone;
  if (args[1].is_empty()) {
    time_t now = ::time(nullptr);
    localtime_r(&now, &broken);
  } else {
    TRY(parse_tuple(t, args[1], "strftime", &broken, &zone));
    TRY(check_ranges(t, &broken));
  }
  if (broken.tm_isdst < -1) broken.tm_isdst = -1;
  if (broken.tm_isdst > 1) broken.tm_isdst = 1;
  return str_or_error(make_str(t, format_time(t, to_utf8(args[0].as<StrObject>()), broken)));
}

Result<Value> time_strptime(Thread& t, const Value* args) {
  Value module = TRY(import_module(t, "_strptime"));
  Value function = TRY(get_attr(t, module, "_strptime_time"));
  return args[1].is_empty() ? call(t, function, {args[0]}) : call(t, function, {args[0], args[1]});
}

// The zone's names and offsets in January and in July.
Status set_zone(Thread& t, ModuleObject* module) {
  constexpr time_t kYear = (365 * 24 + 6) * 3600;
  time_t january = (::time(nullptr) / kYear) * kYear;
  tm first, second;
  localtime_r(&january, &first);
  std::string first_name = first.tm_zone != nullptr ? first.tm_zone : "   ";
  time_t july = january + kYear / 2;
  localtime_r(&july, &second);
  std::string second_name = second.tm_zone != nullptr ? second.tm_zone : "   ";
  int64_t january_zone = -first.tm_gmtoff, july_zone = -second.tm_gmtoff;
  bool southern = january_zone < july_zone;  // daylight saving time in January
  TRY(module_add_int(t, module, "timezone", southern ? july_zone : january_zone));
  TRY(module_add_int(t, module, "altzone", southern ? january_zone : july_zone));
  TRY(module_add_int(t, module, "daylight", january_zone != july_zone));
  Value a = make_str(t, first_name), b = make_str(t, second_name);
  return module_add(t, module, "tzname", southern ? make_tuple(t, {b, a}) : make_tuple(t, {a, b}));
}

Result<Value> time_tzset(Thread& t, const Value*) {
  ::tzset();
  Value module = TRY(import_module(t, "time"));
  TRY(set_zone(t, module.as<ModuleObject>()));
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(time_time, "time()",
                "time() -> floating-point number\n\nReturn the current time in seconds since the "
                "Epoch.\nFractions of a second may be present if the system clock provides them."),
    MP_FUNCTION(time_time_ns, "time_ns()",
                "time_ns() -> int\n\nReturn the current time in nanoseconds since the Epoch."),
    MP_FUNCTION(time_monotonic, "monotonic()",
                "monotonic() -> float\n\nMonotonic clock, cannot go backward."),
    MP_FUNCTION(time_monotonic_ns, "monotonic_ns()",
                "monotonic_ns() -> int\n\nMonotonic clock, cannot go backward, as nanoseconds."),
    MP_FUNCTION(time_monotonic, "perf_counter()",
                "perf_counter() -> float\n\nPerformance counter for benchmarking."),
    MP_FUNCTION(time_monotonic_ns, "perf_counter_ns()",
                "perf_counter_ns() -> int\n\nPerformance counter for benchmarking as nanoseconds."),
    MP_FUNCTION(
        time_process_time, "process_time()",
        "process_time() -> float\n\nProcess time for profiling: sum of the kernel and user-space CPU time."),
    MP_FUNCTION(time_process_time_ns, "process_time_ns()",
                "process_time_ns() -> int\n\nProcess time for profiling as nanoseconds:\nsum of the kernel "
                "and user-space CPU time."),
    MP_FUNCTION(
        time_thread_time, "thread_time()",
        "thread_time() -> float\n\nThread time for profiling: sum of the kernel and user-space CPU time."),
    MP_FUNCTION(time_thread_time_ns, "thread_time_ns()",
                "thread_time_ns() -> int\n\nThread time for profiling as nanoseconds:\nsum of the kernel and "
                "user-space CPU time."),
    MP_FUNCTION(time_sleep, "sleep(seconds, /)",
                "sleep(seconds)\n\nDelay execution for a given number of seconds.  The argument may be\na "
                "floating-point number for subsecond precision."),
    MP_FUNCTION(time_clock_gettime, "clock_gettime(clk_id, /)",
                "Return the time of the specified clock clk_id as a float."),
    MP_FUNCTION(time_clock_gettime_ns, "clock_gettime_ns(clk_id, /)",
                "Return the time of the specified clock clk_id as nanoseconds (int)."),
    MP_FUNCTION(time_clock_settime, "clock_settime(clk_id, time, /)",
                "Set the time of the specified clock clk_id."),
    MP_FUNCTION(time_clock_settime_ns, "clock_settime_ns(clk_id, time, /)",
                "Set the time of the specified clock clk_id with nanoseconds."),
    MP_FUNCTION(time_clock_getres, "clock_getres(clk_id, /)",
                "Return the resolution (precision) of the specified clock clk_id."),
    MP_FUNCTION(time_pthread_getcpuclockid, "pthread_getcpuclockid(thread_id, /)",
                "Return the clk_id of a thread's CPU time clock."),
    MP_FUNCTION(time_get_clock_info, "get_clock_info(name, /)",
                "get_clock_info(name: str) -> dict\n\nGet information of the specified clock."),
    MP_FUNCTION(time_gmtime, "gmtime(seconds=None, /)",
                "Convert seconds since the Epoch to a time tuple expressing UTC (a.k.a.\nGMT).  When "
                "'seconds' is not passed in, convert the current time instead."),
    MP_FUNCTION(time_localtime, "localtime(seconds=None, /)",
                "Convert seconds since the Epoch to a time tuple expressing local time.\nWhen 'seconds' is "
                "not passed in, convert the current time instead."),
    MP_FUNCTION(time_asctime, "asctime(tuple=?, /)",
                "Convert a time tuple to a string, e.g. 'Sat Jun 06 16:26:11 1998'.\nWhen the time tuple is "
                "not present, current time as returned by localtime()\nis used."),
    MP_FUNCTION(time_ctime, "ctime(seconds=None, /)",
                "Convert a time in seconds since the Epoch to a string in local time."),
    MP_FUNCTION(time_mktime, "mktime(tuple, /)",
                "Convert a time tuple in local time to seconds since the Epoch."),
    MP_FUNCTION(time_strftime, "strftime(format, tuple=?, /)",
                "Convert a time tuple to a string according to a format specification."),
    MP_FUNCTION(time_strptime, "strptime(string, format=?, /)",
                "Parse a string to a time tuple according to a format specification."),
    MP_FUNCTION(time_tzset, "tzset()",
                "Initialize, or reinitialize, the local timezone to the value stored in\nos.environ['TZ']."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  ::tzset();
  TRY(module_add(t, module, "struct_time", struct_sequence_type(t, kStructTime)));
  TRY(module_add_int(t, module, "_STRUCT_TM_ITEMS", 11));
  TRY(module_add_int(t, module, "CLOCK_REALTIME", CLOCK_REALTIME));
  TRY(module_add_int(t, module, "CLOCK_MONOTONIC", CLOCK_MONOTONIC));
  TRY(module_add_int(t, module, "CLOCK_MONOTONIC_RAW", CLOCK_MONOTONIC_RAW));
  TRY(module_add_int(t, module, "CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID));
  TRY(module_add_int(t, module, "CLOCK_THREAD_CPUTIME_ID", CLOCK_THREAD_CPUTIME_ID));
  TRY(module_add_int(t, module, "CLOCK_BOOTTIME", CLOCK_BOOTTIME));
  TRY(module_add_int(t, module, "CLOCK_TAI", CLOCK_TAI));
  return set_zone(t, module);
}

}  // namespace

Value make_struct_time(Thread& t, const Value* items) {
  return make_struct_sequence(t, struct_sequence_type(t, kStructTime), items, 9);
}

extern const ModuleSpec kTimeModule;
const ModuleSpec kTimeModule = {"time", "This module provides various functions to manipulate time values.",
                                kFunctions, init_module};

}  // namespace mp
