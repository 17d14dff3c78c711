// What "Did you mean: 'x'?" says about NameError, AttributeError and ImportError.
#include "vm/exec/frame.h"
#include "vm/types/traceback_internal.h"

namespace mp {

static Value last_frame(ExceptionObject* e) {
  Value tb = e->traceback;
  if (!is_kind(tb, Kind::Traceback)) return kEmpty;
  while (is_kind(tb.as<TracebackObject>()->next, Kind::Traceback)) tb = tb.as<TracebackObject>()->next;
  return tb.as<TracebackObject>()->frame;
}

static void collect(Thread& t, Value names, std::vector<std::string>& out) {
  auto list = to_list(t, names);
  if (list.is_error()) return t.clear_exception();
  auto* items = list.value().as<ListObject>();
  for (size_t i = 0; i < items->length(); ++i)
    if (is_str(items->at(i))) out.push_back(to_utf8(items->at(i).as<StrObject>()));
}

static std::string closest(const std::string& wrong, std::vector<std::string>& names, bool hide_underscored) {
  if (hide_underscored) {
    std::vector<std::string> visible;
    for (auto& name : names)
      if (name.empty() || name[0] != '_') visible.push_back(name);
    names.swap(visible);
  }
  return suggest(wrong, names.data(), names.size());
}

// The value of a variable of a frame object, kNotFound when there is none.
static Value variable(Thread& t, Value frame, const char* name) {
  auto locals = get_attr(t, frame, "f_locals");
  if (locals.is_error()) {
    t.clear_exception();
    return kNotFound;
  }
  auto found = call_method(t, locals.value(), t.names().get, {Value(intern(t, name)), kNotImplemented});
  if (found.is_error()) {
    t.clear_exception();
    return kNotFound;
  }
  return found.value().is_not_implemented() ? kNotFound : found.value();
}

static std::string of_name_error(Thread& t, ExceptionObject* e, const std::string& wrong) {
  Value frame = last_frame(e);
  if (frame.is_empty()) return {};
  Value self = variable(t, frame, "self");
  if (!self.is_not_found()) {
    auto has = has_attr(t, self, intern(t, wrong));
    if (has.is_error())
      t.clear_exception();
    else if (has.value())
      return "self." + wrong;
  }
  std::vector<std::string> names;
  for (const char* scope : {"f_locals", "f_globals", "f_builtins"}) {
    auto mapping = get_attr(t, frame, scope);
    if (mapping.is_error())
      t.clear_exception();
    else
      collect(t, mapping.value(), names);
  }
  return closest(wrong, names, false);
}

static std::string of_attribute_error(Thread& t, ExceptionObject* e, const std::string& wrong) {
  Value object = e->fields[kNameObj];
  if (object.is_empty()) return {};
  auto listed = dir(t, object);
  if (listed.is_error()) {
    t.clear_exception();
    return {};
  }
  std::vector<std::string> names;
  collect(t, listed.value(), names);
  bool hide = wrong.empty() || wrong[0] != '_';
  Value frame = last_frame(e);
  if (hide && !frame.is_empty() && variable(t, frame, "self") == object) hide = false;
  return closest(wrong, names, hide);
}

static std::string of_import_error(Thread& t, ExceptionObject* e, const std::string& wrong) {
  Value name = e->fields[kImportName];
  if (!is_str(name) || t.runtime().modules == nullptr) return {};
  auto module = dict_get(t, t.runtime().modules, name);
  if (module.is_error()) {
    t.clear_exception();
    return {};
  }
  if (module.value().is_not_found()) return {};
  auto listed = dir(t, module.value());
  if (listed.is_error()) {
    t.clear_exception();
    return {};
  }
  std::vector<std::string> names;
  collect(t, listed.value(), names);
  return closest(wrong, names, wrong.empty() || wrong[0] != '_');
}

static bool is_stdlib_module(Thread& t, const std::string& name) {
  if (t.runtime().sys_module == nullptr) return false;
  Value names = dict_get_text(t, t.runtime().sys_module->dict, "stdlib_module_names");
  if (names.is_not_found()) return false;
  auto found = contains(t, names, Value(make_str(t, name)));
  if (found.is_error()) {
    t.clear_exception();
    return false;
  }
  return found.value();
}

std::string suggestion_for(Thread& t, Value exception) {
  auto* e = exception.as<ExceptionObject>();
  bool name_error =
      is_exception_of(t, exception, Exc::NameError) && !is_exception_of(t, exception, Exc::UnboundLocalError);
  bool attribute_error = is_exception_of(t, exception, Exc::AttributeError);
  bool import_error = is_exception_of(t, exception, Exc::ImportError);
  if (!name_error && !attribute_error && !import_error) return {};
  Value wrong = import_error ? e->fields[kImportNameFrom] : e->fields[kNameName];
  if (!is_str(wrong)) return {};
  std::string text = to_utf8(wrong.as<StrObject>());
  std::string close = name_error        ? of_name_error(t, e, text)
                      : attribute_error ? of_attribute_error(t, e, text)
                                        : of_import_error(t, e, text);
  std::string out;
  if (!close.empty()) out = ". Did you mean: '" + close + "'?";
  if (name_error && is_stdlib_module(t, text)) {
    if (close.empty())
      out = ". Did you forget to import '" + text + "'?";
    else
      out += " Or did you forget to import '" + text + "'?";
  }
  return out;
}

}  // namespace mp
