// _datetime: the objects and what its parts share. All objects are immutable, so none is ever locked.
//   datetime_calendar   the calendar as arithmetic
//   datetime_delta      timedelta
//   datetime_date       date, and IsoCalendarDate
//   datetime_time       time
//   datetime_datetime   datetime: construction, attributes, arithmetic, order
//   datetime_clock      what asks the system: now, timestamps, the local zone
//   datetime_zone       tzinfo, timezone
//   datetime_iso        ISO 8601 texts
//   datetime_format     strftime, ctime, struct_time
//   datetime_module     the module, its types, binding of constructor arguments
#pragma once
#include <string>

#include "stdlib/native/datetime_calendar.h"
#include "vm/native/native.h"
#include "vm/protocol/order.h"
#include "vm/protocol/protocol.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {

struct DeltaObject : Object {
  int64_t days = 0;
  int64_t microseconds = 0;  // of the day: 0 <= microseconds < kDay
};
struct DateObject : Object {
  Moment moment;
};
struct DateTimeObject : DateObject {
  Slot zone;                             // a tzinfo, or None
  mutable std::atomic<int64_t> hash{0};  // of an aware one; 0: not computed
};
struct TimeObject : Object {
  Moment moment;
  Slot zone;
};
struct TimeZoneObject : Object {
  Slot offset;  // a timedelta
  Slot name;    // str or empty
};

// Per runtime, found through Type::extra of each of the types.
struct DateTypes : Object {
  Type *date, *time, *datetime, *delta, *tzinfo, *timezone, *iso_date;
  Slot utc;  // timezone.utc
  StrObject *utcoffset, *dst, *tzname, *fromutc, *fold;
};

extern const TypeSpec kDeltaSpec, kDateSpec, kTimeSpec, kDateTimeSpec, kTzinfoSpec, kTimeZoneSpec,
    kIsoDateSpec;

// ---- what is what
inline Type* builtin_base(Type* type) {
  while (type->has(kTypeHeap)) type = type->base.load(std::memory_order_relaxed);
  return type;
}
inline const void* spec_of(Value v) {
  return v.is_object() ? builtin_base(v.as_object()->type())->spec : nullptr;
}
inline bool is_delta(Value v) { return spec_of(v) == &kDeltaSpec; }
inline bool is_datetime(Value v) { return spec_of(v) == &kDateTimeSpec; }
inline bool is_time(Value v) { return spec_of(v) == &kTimeSpec; }
inline bool is_timezone(Value v) { return spec_of(v) == &kTimeZoneSpec; }
inline bool is_plain_date(Value v) { return spec_of(v) == &kDateSpec; }  // not a datetime
inline bool is_date(Value v) { return is_plain_date(v) || is_datetime(v); }
bool is_tzinfo(Value v);
// `type`, or that of `v`, is one of the module's types or inherits from one.
inline DateTypes& date_types(Type* type) {
  return *static_cast<DateTypes*>(builtin_base(type)->extra.get().as_object());
}
inline DateTypes& date_types(Value v) { return date_types(v.as_object()->type()); }

inline Moment moment_of(Value date) { return date.as<DateObject>()->moment; }
inline Value zone_of(Value datetime) { return datetime.as<DateTimeObject>()->zone; }

// ---- makers
Value make_delta(Thread& t, DateTypes& types, int64_t days, int64_t microseconds);  // normalised, in range
Result<Value> delta_total_seconds(Thread& t, const Value* args);
// OverflowError where `days` is out of range; `microseconds` may be any.
Result<Value> make_delta_checked(Thread& t, DateTypes& types, int64_t days, int64_t microseconds);
inline Value make_delta(Thread& t, DateTypes& types, int64_t microseconds) {
  return make_delta(t, types, floor_divide(microseconds, kDay), floor_remainder(microseconds, kDay));
}
Value make_date(Thread& t, Type* type, Moment date);
Value make_time(Thread& t, Type* type, Moment time, Value zone);
Value make_datetime(Thread& t, Type* type, Moment moment, Value zone);
// The same for a class that may be a subclass: it is called, as in CPython.
Result<Value> construct_date(Thread& t, Value cls, Moment date);
Result<Value> construct_time(Thread& t, Value cls, Moment time, Value zone);
Result<Value> construct_datetime(Thread& t, Value cls, Moment moment, Value zone);
Result<Value> make_timezone(Thread& t, DateTypes& types, Value offset, Value name_or_empty);

// ---- checks, with CPython's messages
Status check_date(Thread& t, int64_t year, int64_t month, int64_t day);
Status check_time(Thread& t, int64_t hour, int64_t minute, int64_t second, int64_t microsecond, int64_t fold);
Status check_zone(Thread& t, Value zone);                           // None or a tzinfo
Result<Moment> checked_date_of(Thread& t, int64_t ordinal);         // OverflowError
Result<Moment> date_shifted(Thread& t, Moment date, int64_t days);  // the same

// ---- zones
// The offset of `zone` (a tzinfo or None) for `datetime` (or None) in microseconds, or nothing.
struct Offset {
  bool known = false;
  int64_t microseconds = 0;
  bool operator==(const Offset&) const = default;
};
enum class OffsetKind : uint8_t { Utc, Daylight };
Result<Offset> offset_of(Thread& t, Value zone, Value datetime_or_none, OffsetKind kind = OffsetKind::Utc);
Value offset_value(Thread& t, DateTypes& types, const Offset& offset);   // a timedelta or None
Result<Value> zone_name(Thread& t, Value zone, Value datetime_or_none);  // str or None
inline int64_t total_microseconds(const DeltaObject* delta) {            // of an offset: it does not overflow
  return delta->days * kDay + delta->microseconds;
}
Result<Value> zone_fromutc(Thread& t, Value zone, Value datetime);
// datetime +- microseconds as CPython's `datetime + timedelta`: of the same class, fold 0.
Result<Value> datetime_shift(Thread& t, Value datetime, int64_t days, int64_t microseconds);
Result<Value> datetime_shift(Thread& t, Value datetime, int64_t days, int64_t microseconds, Value zone);

// ---- texts
enum class TimeSpec : uint8_t { Auto, Hours, Minutes, Seconds, Milliseconds, Microseconds };
Result<TimeSpec> parse_timespec(Thread& t, Value text_or_empty, const char* function, int position);
void append_date(std::string& out, Moment date);
void append_time(std::string& out, Moment time, TimeSpec spec);
// "+01:00", with seconds and microseconds where there are any.
void append_offset(std::string& out, const Offset& offset, std::string_view separator);
void append_digits(std::string& out, uint32_t number, int width);
Result<Value> date_fromisoformat(Thread& t, const Value* args);
Result<Value> time_fromisoformat(Thread& t, const Value* args);
Result<Value> datetime_fromisoformat(Thread& t, const Value* args);
Result<Value> date_strftime(Thread& t, const Value* args);
Result<Value> time_strftime(Thread& t, const Value* args);
Result<Value> date_ctime(Thread& t, const Value* args);
Result<Value> date_timetuple(Thread& t, const Value* args);
Result<Value> datetime_timetuple(Thread& t, const Value* args);
Result<Value> datetime_utctimetuple(Thread& t, const Value* args);
Result<Value> any_format(Thread& t, const Value* args);  // __format__
std::string class_name(Value v);  // as repr() shows it: with the module for the builtin types only

// ---- what is defined in datetime_clock.cpp
Result<Value> date_today(Thread& t, const Value* args);
Result<Value> date_fromtimestamp(Thread& t, const Value* args);
Result<Value> datetime_now(Thread& t, const Value* args);
Result<Value> datetime_utcnow(Thread& t, const Value* args);
Result<Value> datetime_fromtimestamp(Thread& t, const Value* args);
Result<Value> datetime_utcfromtimestamp(Thread& t, const Value* args);
Result<Value> datetime_timestamp(Thread& t, const Value* args);
Result<Value> datetime_astimezone(Thread& t, const Value* args);

// ---- arguments of constructors: CPython's PyArg_ParseTupleAndKeywords with its messages
struct Parameters {
  const char* function;  // shown in messages; nullptr: "function"
  const char* const* names;
  size_t total, positional, required;
  bool ints = false;  // the required ones are ints
};
Status bind_constructor(Thread& t, const Parameters& parameters, const CallArgs& args, Value* out);
// The bytes of a pickled state: args is (state) or (state, tzinfo), `size` bytes long; nullptr when it is
// not.
Result<const uint8_t*> pickled_state(Thread& t, const CallArgs& args, size_t size, size_t checked_byte,
                                     int limit, int mask, const char* what, uint8_t* buffer);

inline int compare_order(uint64_t a, uint64_t b) { return a < b ? -1 : a > b ? 1 : 0; }
// Scrambles the bits of a number (the finaliser of MurmurHash3); never -1.
inline int64_t hash_bits(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
  x ^= x >> 33;
  return x == ~uint64_t{0} ? -2 : static_cast<int64_t>(x);
}

}  // namespace mp
