#include "stdlib/native/datetime_calendar.h"

namespace mp {

static constexpr int kDaysBefore[] = {0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
static constexpr int kDaysIn[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

int days_in_month(int year, int month) { return month == 2 && is_leap(year) ? 29 : kDaysIn[month]; }

int day_of_year(Moment date) {
  int month = date.month();
  return kDaysBefore[month] + (month > 2 && is_leap(date.year()) ? 1 : 0) + date.day();
}

static int64_t days_before_year(int year) {
  int y = year - 1;
  return y * 365 + y / 4 - y / 100 + y / 400;
}

int64_t ordinal_of(Moment date) { return days_before_year(date.year()) + day_of_year(date); }

// Howard Hinnant's civil_from_days (chrono-Compatible Low-Level Date Algorithms): years begin in March, so
// that the leap day is the last of a year and months follow a straight line.
Moment date_of(int64_t ordinal) {
  auto days = static_cast<uint32_t>(ordinal + 305);  // since 1 March of year 0
  uint32_t era = days / 146097, day_of_era = days % 146097;
  uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  uint32_t day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  uint32_t month = (5 * day + 2) / 153;  // March is 0
  day = day - (153 * month + 2) / 5 + 1;
  month = month < 10 ? month + 3 : month - 9;
  uint32_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return Moment::of(static_cast<int>(year), static_cast<int>(month), static_cast<int>(day));
}

// ISO 8601: week 1 is the one with the year's first Thursday.
static int64_t first_iso_monday(int year) {
  int64_t first = days_before_year(year) + 1;
  int weekday = weekday_of(first);
  return first - weekday + (weekday > 3 ? 7 : 0);
}

IsoDate iso_date_of(Moment date) {
  int year = date.year();
  int64_t today = ordinal_of(date), monday = first_iso_monday(year);
  int64_t week = floor_divide(today - monday, 7);
  if (week < 0) {
    monday = first_iso_monday(--year);
    week = (today - monday) / 7;
  } else if (week >= 52 && today >= first_iso_monday(year + 1)) {
    ++year;
    week = 0;
  }
  return {year, static_cast<int>(week + 1), weekday_of(today) + 1};
}

IsoError ordinal_of_iso(const IsoDate& iso, int64_t* ordinal) {
  if (iso.year < kMinYear || iso.year > kMaxYear) return IsoError::Year;
  int64_t monday = first_iso_monday(iso.year);
  if (iso.week < 1 || iso.week > 53) return IsoError::Week;
  if (iso.week == 53 && first_iso_monday(iso.year + 1) - monday < 53 * 7) return IsoError::Week;
  if (iso.day < 1 || iso.day > 7) return IsoError::Day;
  *ordinal = monday + (iso.week - 1) * 7 + iso.day - 1;
  return IsoError::None;
}

}  // namespace mp
