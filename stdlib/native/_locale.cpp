// The module _locale: the runtime's locale (vm/types/locale.h) for locale.py.
#include <langinfo.h>
#include <limits.h>
#include <wchar.h>

#include "stdlib/native/native_error.h"
#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/types/containers.h"
#include "vm/types/locale.h"
#include "vm/types/number.h"
#include "vm/types/str.h"

namespace mp {
namespace {

Error locale_error(Thread& t, std::string_view message) {
  return raise_native(t, "locale", "Error", Exc::Exception, message);
}

// Texts of the C library: UTF-8, or Latin-1 where the locale has bytes that are none.
Result<Value> text_of(Thread& t, const char* bytes) {
  auto decoded = str_or_error(make_str(t, std::string_view(bytes)));
  if (!decoded.is_error()) return decoded;
  t.clear_exception();
  StrBuilder out(t);
  out.append_latin1(reinterpret_cast<const uint8_t*>(bytes), std::char_traits<char>::length(bytes));
  return out.finish();
}

Result<Value> locale_setlocale(Thread& t, const Value* args) {
  int64_t category = TRY(to_int64(t, args[0]));
  if (!args[1].is_none() && !is_str(args[1]))
    return t.raise(Exc::TypeError, "setlocale() argument 2 must be str or None, not {}",
                   type_name(t, args[1]));
  const bool known = category >= 0 && category < kLocaleCategories;
  Locale& locale = locale_of(t);
  auto number = static_cast<int>(category);
  if (args[1].is_none()) {
    if (!known) return locale_error(t, "locale query failed");
    return make_str(t, locale.name(number));
  }
  if (!known) return locale_error(t, "unsupported locale setting");
  std::optional<std::string> name = locale.set(number, to_utf8(args[1].as<StrObject>()));
  if (!name) return locale_error(t, "unsupported locale setting");
  return make_str(t, *name);
}

// As localeconv() gives it: the sizes of the groups, then what ends them: 0 (repeat the last) or CHAR_MAX (no
// more).
Result<Value> grouping_of(Thread& t, const char* grouping) {
  ListObject* list = make_list(t);
  if (*grouping == '\0') return Value(list);
  for (;; ++grouping) {
    const char size = *grouping == -1 ? CHAR_MAX : *grouping;
    TRY(list_append(t, list, Value::from_int(size)));
    if (size == '\0' || size == CHAR_MAX) return Value(list);
  }
}

struct Convention {
  const char* name;
  nl_item item;
  enum Kind { kText, kNumber, kGrouping } kind;
};
constexpr Convention kConventions[] = {{"int_curr_symbol", INT_CURR_SYMBOL, Convention::kText},
                                       {"currency_symbol", CURRENCY_SYMBOL, Convention::kText},
                                       {"mon_decimal_point", MON_DECIMAL_POINT, Convention::kText},
                                       {"mon_thousands_sep", MON_THOUSANDS_SEP, Convention::kText},
                                       {"mon_grouping", MON_GROUPING, Convention::kGrouping},
                                       {"positive_sign", POSITIVE_SIGN, Convention::kText},
                                       {"negative_sign", NEGATIVE_SIGN, Convention::kText},
                                       {"int_frac_digits", INT_FRAC_DIGITS, Convention::kNumber},
                                       {"frac_digits", FRAC_DIGITS, Convention::kNumber},
                                       {"p_cs_precedes", P_CS_PRECEDES, Convention::kNumber},
                                       {"p_sep_by_space", P_SEP_BY_SPACE, Convention::kNumber},
                                       {"n_cs_precedes", N_CS_PRECEDES, Convention::kNumber},
                                       {"n_sep_by_space", N_SEP_BY_SPACE, Convention::kNumber},
                                       {"p_sign_posn", P_SIGN_POSN, Convention::kNumber},
                                       {"n_sign_posn", N_SIGN_POSN, Convention::kNumber},
                                       {"decimal_point", RADIXCHAR, Convention::kText},
                                       {"thousands_sep", THOUSEP, Convention::kText},
                                       {"grouping", GROUPING, Convention::kGrouping}};

Result<Value> locale_localeconv(Thread& t, const Value*) {
  locale_t locale = locale_of(t).current();
  DictObject* result = make_dict(t);
  for (const Convention& convention : kConventions) {
    const char* data = nl_langinfo_l(convention.item, locale);
    Value value = kNone;
    switch (convention.kind) {
      case Convention::kText: value = TRY(text_of(t, data)); break;
      // glibc's tables say -1 where localeconv(3) says CHAR_MAX: not available.
      case Convention::kNumber: value = Value::from_int(*data == -1 ? CHAR_MAX : *data); break;
      case Convention::kGrouping: value = TRY(grouping_of(t, data)); break;
    }
    TRY(dict_set_text(t, result, convention.name, value));
  }
  return Value(result);
}

Result<std::wstring> wide_text(Thread& t, Value v, const char* function, int position) {
  if (!is_str(v))
    return t.raise(Exc::TypeError, "{}() argument {} must be str, not {}", function, position,
                   type_name(t, v));
  auto* text = v.as<StrObject>();
  std::wstring wide;
  for (size_t i = 0; i < text->length(); ++i) {
    if (text->at(i) == 0) return t.raise(Exc::ValueError, "embedded null character");
    wide.push_back(static_cast<wchar_t>(text->at(i)));
  }
  return wide;
}

Result<Value> locale_strcoll(Thread& t, const Value* args) {
  std::wstring a = TRY(wide_text(t, args[0], "strcoll", 1)), b = TRY(wide_text(t, args[1], "strcoll", 2));
  return Value::from_int(wcscoll_l(a.c_str(), b.c_str(), locale_of(t).current()));
}

Result<Value> locale_strxfrm(Thread& t, const Value* args) {
  std::wstring text = TRY(wide_text(t, args[0], "strxfrm", 1));
  locale_t locale = locale_of(t).current();
  std::wstring key(text.size() + 1, L'\0');
  size_t length = wcsxfrm_l(key.data(), text.c_str(), key.size(), locale);
  if (length >= key.size()) {
    key.resize(length + 1);
    length = wcsxfrm_l(key.data(), text.c_str(), key.size(), locale);
  }
  StrBuilder out(t);
  for (size_t i = 0; i < length; ++i) out.append(static_cast<uint32_t>(key[i]));
  return out.finish();
}

struct LanginfoItem {
  const char* name;
  nl_item item;
};
constexpr LanginfoItem kLanginfo[] = {
#define MP_CONSTANT(name) {#name, name},
#include "stdlib/native/langinfo_constants.def"
#undef MP_CONSTANT
};

Result<Value> locale_nl_langinfo(Thread& t, const Value* args) {
  int64_t wanted = TRY(to_int64(t, args[0]));
  for (const LanginfoItem& each : kLanginfo)
    if (each.item == wanted) return text_of(t, nl_langinfo_l(each.item, locale_of(t).current()));
  return t.raise(Exc::ValueError, "unsupported langinfo constant");
}

Result<Value> locale_getencoding(Thread& t, const Value*) {
  return text_of(t, nl_langinfo_l(CODESET, locale_of(t).current()));
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(locale_setlocale, "setlocale(category, locale=None, /)",
                "Activates/queries locale processing."),
    MP_FUNCTION(locale_localeconv, "localeconv()",
                "Returns numeric and monetary locale-specific parameters."),
    MP_FUNCTION(locale_strcoll, "strcoll(os1, os2, /)", "Compares two strings according to the locale."),
    MP_FUNCTION(locale_strxfrm, "strxfrm(string, /)",
                "Return a string that can be used as a key for locale-aware comparisons."),
    MP_FUNCTION(locale_nl_langinfo, "nl_langinfo(key, /)",
                "Return the value for the locale information associated with key."),
    MP_FUNCTION(locale_getencoding, "getencoding()", "Get the current locale encoding."),
    MP_END};

Status init_locale(Thread& t, ModuleObject* module) {
  constexpr LanginfoItem kNumbers[] = {{"LC_CTYPE", LC_CTYPE},       {"LC_TIME", LC_TIME},
                                       {"LC_COLLATE", LC_COLLATE},   {"LC_MONETARY", LC_MONETARY},
                                       {"LC_MESSAGES", LC_MESSAGES}, {"LC_NUMERIC", LC_NUMERIC},
                                       {"LC_ALL", LC_ALL},           {"CHAR_MAX", CHAR_MAX}};
  for (const LanginfoItem& each : kNumbers) TRY(module_add_int(t, module, each.name, each.item));
  for (const LanginfoItem& each : kLanginfo) TRY(module_add_int(t, module, each.name, each.item));
  return module_add(t, module, "Error", TRY(native_error(t, "locale", "Error", Exc::Exception)));
}

}  // namespace

extern const ModuleSpec kLocaleModule;
const ModuleSpec kLocaleModule = {
    .name = "_locale", .doc = "Support for POSIX locales.", .functions = kFunctions, .init = init_locale};
}  // namespace mp
