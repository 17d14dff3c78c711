// Dates and times as ISO 8601 texts: writing them, and reading what fromisoformat() accepts.
#include <cstring>

#include "stdlib/native/datetime.h"

namespace mp {

// ---------------------------------------------------------------- writing

void append_digits(std::string& out, uint32_t number, int width) {
  char digits[10];
  for (int i = width; i-- > 0; number /= 10) digits[i] = static_cast<char>('0' + number % 10);
  out.append(digits, static_cast<size_t>(width));
}
static void append_part(std::string& out, char before, int number) {
  out += before;
  append_digits(out, static_cast<uint32_t>(number), 2);
}

void append_date(std::string& out, Moment date) {
  append_digits(out, static_cast<uint32_t>(date.year()), 4);
  append_part(out, '-', date.month());
  append_part(out, '-', date.day());
}

void append_time(std::string& out, Moment time, TimeSpec spec) {
  if (spec == TimeSpec::Auto) spec = time.microsecond() != 0 ? TimeSpec::Microseconds : TimeSpec::Seconds;
  append_digits(out, static_cast<uint32_t>(time.hour()), 2);
  if (spec == TimeSpec::Hours) return;
  append_part(out, ':', time.minute());
  if (spec == TimeSpec::Minutes) return;
  append_part(out, ':', time.second());
  if (spec == TimeSpec::Seconds) return;
  out += '.';
  if (spec == TimeSpec::Milliseconds)
    append_digits(out, static_cast<uint32_t>(time.microsecond()) / 1000, 3);
  else
    append_digits(out, static_cast<uint32_t>(time.microsecond()), 6);
}

void append_offset(std::string& out, const Offset& offset, std::string_view separator) {
  if (!offset.known) return;
  out += offset.microseconds < 0 ? '-' : '+';
  Moment size = Moment().at_microseconds(std::abs(offset.microseconds));
  auto part = [&](int number) {
    out += separator;
    append_digits(out, static_cast<uint32_t>(number), 2);
  };
  append_digits(out, static_cast<uint32_t>(size.hour()), 2);
  part(size.minute());
  if (size.second() == 0 && size.microsecond() == 0) return;
  part(size.second());
  if (size.microsecond() == 0) return;
  out += '.';
  append_digits(out, static_cast<uint32_t>(size.microsecond()), 6);
}

Result<TimeSpec> parse_timespec(Thread& t, Value text, const char* function, int position) {
  static constexpr std::string_view kNames[] = {"auto",    "hours",        "minutes",
                                                "seconds", "milliseconds", "microseconds"};
  if (text.is_empty()) return TimeSpec::Auto;
  if (!is_str(text))
    return t.raise(Exc::TypeError, "{}() argument {} must be str, not {}", function, position,
                   type_name(t, text));
  auto* name = text.as<StrObject>();
  for (size_t i = 0; i < std::size(kNames); ++i)
    if (str_equal(name, kNames[i])) return static_cast<TimeSpec>(i);
  if (to_utf8(name).find('\0') != std::string::npos)
    return t.raise(Exc::ValueError, "embedded null character");
  return t.raise(Exc::ValueError, "Unknown timespec value");
}

// ---------------------------------------------------------------- reading

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads `count` digits; false when there are fewer. `p` lies in a text that ends in NUL.
bool read_digits(const char*& p, size_t count, int* out) {
  int number = 0;
  for (size_t i = 0; i < count; ++i, ++p) {
    if (!is_digit(*p)) return false;
    number = number * 10 + (*p - '0');
  }
  *out = number;
  return true;
}

// The text with one byte per character and a NUL behind: what is not ASCII is nothing that a date or a time
// has, but may stand between them.
class IsoText {
 public:
  explicit IsoText(const StrObject* text) : size_(text->length()), ascii_(text->is_ascii()) {
    if (size_ >= sizeof short_) {
      long_.resize(size_);
      data_ = long_.data();
    }
    if (ascii_)
      std::memcpy(data_, text->ascii().data(), size_);
    else
      for (size_t i = 0; i < size_; ++i)
        data_[i] = text->at(i) < 128 ? static_cast<char>(text->at(i)) : '\x80';
    data_[size_] = '\0';
  }
  IsoText(const IsoText&) = delete;
  const char* begin() const { return data_; }
  const char* end() const { return data_ + size_; }
  size_t size() const { return size_; }
  bool is_ascii() const { return ascii_; }
  char operator[](size_t i) const { return data_[i]; }

 private:
  size_t size_;
  bool ascii_;
  char short_[64];
  std::string long_;
  char* data_ = short_;
};

struct DateFields {
  int year = 0, month = 0, day = 0;
};
// YYYY-MM-DD, YYYYMMDD, YYYY-Www[-D], YYYYWww[D] in the first `length` characters.
bool read_date(const IsoText& text, size_t length, DateFields* out) {
  const char* p = text.begin();
  if (!read_digits(p, 4, &out->year)) return false;
  bool dashes = *p == '-';
  if (dashes) ++p;
  if (*p != 'W') {
    if (!read_digits(p, 2, &out->month)) return false;
    if (dashes && *p++ != '-') return false;
    return read_digits(p, 2, &out->day);
  }
  ++p;
  IsoDate iso = {out->year, 0, 1};
  if (!read_digits(p, 2, &iso.week)) return false;
  if (static_cast<size_t>(p - text.begin()) < length) {
    if (dashes && *p++ != '-') return false;
    if (!read_digits(p, 1, &iso.day)) return false;
  }
  int64_t ordinal;
  if (ordinal_of_iso(iso, &ordinal) != IsoError::None || ordinal > kMaxOrdinal) return false;
  Moment date = date_of(ordinal);
  *out = {date.year(), date.month(), date.day()};
  return true;
}

// Where the date ends, or npos: dates have several lengths, and any character may stand before the time.
size_t date_length(const IsoText& text) {
  size_t n = text.size();
  if (n == 7) return 7;
  if (text[4] == '-') {
    if (text[5] != 'W') return 10;
    if (n <= 8 || text[8] != '-') return 8;
    if (n == 9) return std::string::npos;
    return n > 10 && is_digit(text[10]) ? 8 : 10;  // YYYY-Www-HH rather than YYYY-Www-D and a digit
  }
  if (text[4] != 'W') return 8;
  size_t digits = 7;
  while (digits < n && is_digit(text[digits])) ++digits;
  if (digits < 9) return digits;
  return digits % 2 == 0 ? 7 : 8;  // hours, minutes and seconds have two digits each
}

struct ClockFields {
  int hour = 0, minute = 0, second = 0, microsecond = 0;
};
enum class Read : uint8_t { Bad, All, Part };

// HH[[:]MM[[:]SS]][(.|,)f+] up to `end`. Part: something follows.
Read read_clock(const char* p, const char* end, ClockFields* out) {
  int* fields[] = {&out->hour, &out->minute, &out->second};
  bool colons = false;
  for (size_t i = 0; i < 3; ++i) {
    if (!read_digits(p, 2, fields[i])) return Read::Bad;
    char next = *p++;
    if (i == 0) colons = next == ':';
    if (p >= end) return next == '\0' ? Read::All : Read::Part;
    if (colons && next == ':') continue;
    if (next == '.' || next == ',') break;
    if (colons) return Read::Bad;
    --p;
  }
  auto count = std::min<size_t>(static_cast<size_t>(end - p), 6);
  if (!read_digits(p, count, &out->microsecond)) return Read::Bad;
  for (size_t i = count; i < 6; ++i) out->microsecond *= 10;
  while (is_digit(*p)) ++p;  // beyond a microsecond
  return *p == '\0' ? Read::All : Read::Part;
}

bool read_time(const char* text, const char* end, ClockFields* clock, Offset* offset) {
  const char* zone = text;
  while (zone < end && *zone != '+' && *zone != '-' && *zone != 'Z') ++zone;
  Read read = read_clock(text, zone, clock);
  if (read == Read::Bad) return false;
  if (zone >= end) return read == Read::All;
  offset->known = true;
  if (*zone == 'Z') return zone[1] == '\0';
  ClockFields size;
  if (read_clock(zone + 1, end, &size) != Read::All) return false;
  int64_t seconds = (size.hour * 60 + size.minute) * 60 + size.second;
  if (seconds != 0) offset->microseconds = seconds * kSecond + size.microsecond;
  if (*zone == '-') offset->microseconds = -offset->microseconds;
  return true;
}

Result<Value> zone_of_offset(Thread& t, DateTypes& types, const Offset& offset) {
  if (!offset.known) return kNone;
  return make_timezone(t, types, make_delta(t, types, offset.microseconds), kEmpty);
}

Status check_text(Thread& t, Value v) {
  return is_str(v) ? Status() : t.raise(Exc::TypeError, "fromisoformat: argument must be str");
}
Error invalid(Thread& t, Value text) {
  return t.raise(Exc::ValueError, "Invalid isoformat string: {}", repr_text(t, text));
}

}  // namespace

Result<Value> date_fromisoformat(Thread& t, const Value* args) {
  TRY(check_text(t, args[1]));
  IsoText text(args[1].as<StrObject>());
  size_t n = text.size();
  DateFields date;
  if ((n != 7 && n != 8 && n != 10) || !text.is_ascii() || !read_date(text, n, &date))
    return invalid(t, args[1]);
  TRY(check_date(t, date.year, date.month, date.day));
  return construct_date(t, args[0], Moment::of(date.year, date.month, date.day));
}

Result<Value> time_fromisoformat(Thread& t, const Value* args) {
  TRY(check_text(t, args[1]));
  IsoText text(args[1].as<StrObject>());
  const char* begin = text.begin();
  if (*begin == 'T') ++begin;
  ClockFields clock;
  Offset offset;
  if (!text.is_ascii() || !read_time(begin, text.end(), &clock, &offset)) return invalid(t, args[1]);
  TRY(check_time(t, clock.hour, clock.minute, clock.second, clock.microsecond, 0));
  Value zone = TRY(zone_of_offset(t, date_types(args[0].as<Type>()), offset));
  return construct_time(t, args[0], Moment().at(clock.hour, clock.minute, clock.second, clock.microsecond),
                        zone);
}

Result<Value> datetime_fromisoformat(Thread& t, const Value* args) {
  TRY(check_text(t, args[1]));
  IsoText text(args[1].as<StrObject>());
  if (text.size() < 7) return invalid(t, args[1]);
  size_t length = date_length(text);
  DateFields date;
  ClockFields clock;
  Offset offset;
  if (length == std::string::npos || !read_date(text, length, &date)) return invalid(t, args[1]);
  if (text.size() > length && !read_time(text.begin() + length + 1, text.end(), &clock, &offset))
    return invalid(t, args[1]);
  Value zone = TRY(zone_of_offset(t, date_types(args[0].as<Type>()), offset));
  TRY(check_date(t, date.year, date.month, date.day));
  TRY(check_time(t, clock.hour, clock.minute, clock.second, clock.microsecond, 0));
  return construct_datetime(t, args[0],
                            Moment::of(date.year, date.month, date.day)
                                .at(clock.hour, clock.minute, clock.second, clock.microsecond),
                            zone);
}

}  // namespace mp
