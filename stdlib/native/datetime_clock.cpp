// What datetime asks the system: the clock, and what local clocks show (the C library's zone). Times in
// seconds count from ordinal 0 here, so that they are positive; POSIX timestamps from kEpoch.
#include <cerrno>
#include <cmath>
#include <ctime>

#include "stdlib/native/datetime.h"
#include "vm/modules/modules.h"
#include "vm/os/clock.h"
#include "vm/types/exception.h"

namespace mp {

namespace {

constexpr int64_t kEpoch = kEpochOrdinal * kSecondsPerDay;
constexpr int64_t kFoldSearch = kSecondsPerDay;  // clocks are never set back by more

Result<tm> local_tm(Thread& t, int64_t timestamp) {
  auto when = static_cast<time_t>(timestamp);
  tm broken;
  errno = 0;
  if (localtime_r(&when, &broken) == nullptr) return t.raise_os_error(errno == 0 ? EINVAL : errno);
  return broken;
}

Result<Moment> moment_of_tm(Thread& t, const tm& b, int64_t microsecond = 0) {
  int64_t year = int64_t{b.tm_year} + 1900;
  if (year < kMinYear || year > kMaxYear) return t.raise(Exc::ValueError, "year {} is out of range", year);
  return Moment::of(static_cast<int>(year), b.tm_mon + 1, b.tm_mday)
      .at(b.tm_hour, b.tm_min, std::min(59, b.tm_sec), static_cast<int>(microsecond));
}

int64_t seconds_of(Moment moment) { return ordinal_of(moment) * kSecondsPerDay + moment.seconds_of_day(); }
// What local clocks show at `seconds`, in seconds.
Result<int64_t> local_seconds(Thread& t, int64_t seconds) {
  tm broken = TRY(local_tm(t, seconds - kEpoch));
  return seconds_of(TRY(moment_of_tm(t, broken)));
}

Result<Moment> utc_moment(Thread& t, int64_t timestamp, int64_t microsecond) {
  int64_t day = floor_divide(timestamp, kSecondsPerDay) + kEpochOrdinal;
  if (day >= 1 && day <= kMaxOrdinal)
    return date_of(day).at_microseconds(floor_remainder(timestamp, kSecondsPerDay) * kSecond + microsecond);
  auto when = static_cast<time_t>(timestamp);
  tm broken;
  errno = 0;
  if (gmtime_r(&when, &broken) == nullptr) return t.raise_os_error(errno == 0 ? EINVAL : errno);
  return moment_of_tm(t, broken, microsecond);
}

Result<Moment> local_moment(Thread& t, int64_t timestamp, int64_t microsecond) {
  tm broken = TRY(local_tm(t, timestamp));
  Moment moment = TRY(moment_of_tm(t, broken, microsecond));
  // It is the second time that clocks show this when they were set back and showed it before.
  int64_t shown = seconds_of(moment);
  int64_t before = TRY(local_seconds(t, kEpoch + timestamp - kFoldSearch));
  int64_t set_back = shown - before - kFoldSearch;
  if (set_back < 0 && TRY(local_seconds(t, kEpoch + timestamp + set_back)) == shown)
    moment = moment.with_fold(1);
  return moment;
}

struct Timestamp {
  int64_t seconds = 0, microseconds = 0;  // 0 <= microseconds < kSecond
};
Error out_of_range(Thread& t) {
  return t.raise(Exc::OverflowError, "timestamp out of range for platform time_t");
}
// Floats are rounded to the microsecond, ties to even.
Result<Timestamp> timestamp_of(Thread& t, Value v) {
  Timestamp result;
  if (is_float(v)) {
    double d = float_value(v), whole;
    if (std::isnan(d)) return t.raise(Exc::ValueError, "Invalid value NaN (not a number)");
    double part = std::nearbyint(std::modf(d, &whole) * 1e6);
    if (part >= 1e6) {
      part -= 1e6;
      whole += 1;
    } else if (part < 0) {
      part += 1e6;
      whole -= 1;
    }
    if (!(whole >= -0x1p63 && whole < 0x1p63)) return out_of_range(t);
    result.seconds = static_cast<int64_t>(whole);
    result.microseconds = static_cast<int64_t>(part);
    return result;
  }
  if (!int_to_int64(TRY(to_index(t, v)), &result.seconds)) return out_of_range(t);
  return result;
}

// now(tz) and fromtimestamp(..., tz): local time without a zone, else what the zone makes of UTC.
Result<Value> at_timestamp(Thread& t, Value cls, Timestamp when, Value zone) {
  if (zone.is_none())
    return construct_datetime(t, cls, TRY(local_moment(t, when.seconds, when.microseconds)), kNone);
  Moment utc = TRY(utc_moment(t, when.seconds, when.microseconds));
  return zone_fromutc(t, zone, TRY(construct_datetime(t, cls, utc, zone)));
}

Timestamp now() {
  int64_t ns = os::realtime_ns();
  return {floor_divide(ns, os::kNanosPerSecond), floor_remainder(ns, os::kNanosPerSecond) / 1000};
}

// Seconds of what local clocks show as `moment`, its fold considered.
Result<int64_t> utc_seconds_of_local(Thread& t, Moment moment) {
  // PEP 495: the offset before and the one after a change of the clocks give two candidates. Both are right
  // when the clocks were set back (fold tells which is meant), none when they were set forward.
  int64_t shown = seconds_of(moment);
  int64_t offset = TRY(local_seconds(t, shown)) - shown;
  int64_t first = shown - offset;
  int64_t first_shown = TRY(local_seconds(t, first));
  int64_t other_offset;
  if (first_shown == shown) {
    int64_t near = moment.fold() != 0 ? first + kFoldSearch : first - kFoldSearch;
    other_offset = TRY(local_seconds(t, near)) - near;
    if (other_offset == offset) return first;
  } else {
    other_offset = first_shown - first;
  }
  int64_t second = shown - other_offset;
  if (TRY(local_seconds(t, second)) == shown) return second;
  if (first_shown == shown) return first;
  return moment.fold() != 0 ? std::min(first, second) : std::max(first, second);
}

Result<Value> local_zone_of_utc(Thread& t, DateTypes& types, int64_t timestamp) {
  tm broken = TRY(local_tm(t, timestamp));
  Value offset = make_delta(t, types, int64_t{broken.tm_gmtoff} * kSecond);
  return make_timezone(t, types, offset, make_str(t, broken.tm_zone != nullptr ? broken.tm_zone : ""));
}

}  // namespace

// As in CPython through time.time and cls.fromtimestamp: either may have been replaced.
Result<Value> date_today(Thread& t, const Value* args) {
  Value time = TRY(import_module(t, "time"));
  Value now = TRY(call_method(t, time, intern(t, "time")));
  return call_method(t, args[0], intern(t, "fromtimestamp"), {now});
}

Result<Value> date_fromtimestamp(Thread& t, const Value* args) {
  int64_t timestamp;
  if (is_float(args[1])) {
    double d = float_value(args[1]);
    if (std::isnan(d)) return t.raise(Exc::ValueError, "Invalid value NaN (not a number)");
    d = std::floor(d);
    if (!(d >= -0x1p63 && d < 0x1p63)) return out_of_range(t);
    timestamp = static_cast<int64_t>(d);
  } else if (!int_to_int64(TRY(to_index(t, args[1])), &timestamp)) {
    return out_of_range(t);
  }
  tm broken = TRY(local_tm(t, timestamp));
  return construct_date(t, args[0], TRY(moment_of_tm(t, broken)).date());
}

Result<Value> datetime_now(Thread& t, const Value* args) {
  TRY(check_zone(t, args[1]));
  return at_timestamp(t, args[0], now(), args[1]);
}
Result<Value> datetime_fromtimestamp(Thread& t, const Value* args) {
  TRY(check_zone(t, args[2]));
  return at_timestamp(t, args[0], TRY(timestamp_of(t, args[1])), args[2]);
}

static Status warn_of_utc(Thread& t, const char* method, const char* instead) {
  return warn(
      t, Exc::DeprecationWarning,
      fmt::format("datetime.datetime.{}() is deprecated and scheduled for removal in a future version. "
                  "Use timezone-aware objects to represent datetimes in UTC: datetime.datetime.{}.",
                  method, instead));
}
Result<Value> datetime_utcnow(Thread& t, const Value* args) {
  TRY(warn_of_utc(t, "utcnow", "now(datetime.UTC)"));
  Timestamp when = now();
  return construct_datetime(t, args[0], TRY(utc_moment(t, when.seconds, when.microseconds)), kNone);
}
Result<Value> datetime_utcfromtimestamp(Thread& t, const Value* args) {
  TRY(warn_of_utc(t, "utcfromtimestamp", "fromtimestamp(timestamp, datetime.UTC)"));
  Timestamp when = TRY(timestamp_of(t, args[1]));
  return construct_datetime(t, args[0], TRY(utc_moment(t, when.seconds, when.microseconds)), kNone);
}

Result<Value> datetime_timestamp(Thread& t, const Value* args) {
  Moment moment = moment_of(args[0]);
  if (zone_of(args[0]).is_none()) {
    int64_t seconds = TRY(utc_seconds_of_local(t, moment));
    return make_float(t, static_cast<double>(seconds - kEpoch) + moment.microsecond() / 1e6);
  }
  Offset offset = TRY(offset_of(t, zone_of(args[0]), args[0]));
  if (!offset.known) return t.raise(Exc::TypeError, "can't subtract offset-naive and offset-aware datetimes");
  Value since = make_delta(
      t, date_types(args[0]),
      (ordinal_of(moment) - kEpochOrdinal) * kDay + moment.microseconds_of_day() - offset.microseconds);
  return delta_total_seconds(t, &since);
}

Result<Value> datetime_astimezone(Thread& t, const Value* args) {
  Value self = args[0], zone = args[1], own = zone_of(self);
  DateTypes& types = date_types(self);
  TRY(check_zone(t, zone));
  Moment moment = moment_of(self);
  if (!own.is_none() && own == zone) return self;
  Offset offset = TRY(offset_of(t, own, self));
  if (!offset.known) {  // naive: local time
    int64_t utc = TRY(utc_seconds_of_local(t, moment));
    // In a gap the offset is not the one at `utc` but the one on the other side of the change.
    int64_t other = TRY(utc_seconds_of_local(t, moment.with_fold(1 - moment.fold())));
    if (other != utc && (other > utc) == (moment.fold() != 0)) utc = other;
    offset = TRY(offset_of(t, TRY(local_zone_of_utc(t, types, utc - kEpoch)), self));
  }
  if (zone.is_none()) {
    int64_t utc =
        (ordinal_of(moment) - kEpochOrdinal) * kDay + moment.microseconds_of_day() - offset.microseconds;
    zone = TRY(local_zone_of_utc(t, types, floor_divide(utc, kSecond)));
  }
  return zone_fromutc(t, zone, TRY(datetime_shift(t, self, 0, -offset.microseconds, zone)));
}

}  // namespace mp
