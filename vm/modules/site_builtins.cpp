// What CPython's `site` adds to the builtins: exit, quit, help, copyright, credits, license. Native, so that
// no start pays for a module.
#include "vm/exec/interp.h"
#include "vm/modules/modules.h"
#include "vm/protocol/protocol.h"
#include "vm/types/exception.h"
#include "vm/types/runtime.h"

namespace mp {

namespace {

struct SiteObject : Object {
  Slot name, text;
};
void trace_site_object(Object* object, Tracer& tracer) {
  auto* self = static_cast<SiteObject*>(object);
  tracer.visit(self->name);
  tracer.visit(self->text);
}

Result<Value> quitter_repr(Thread& t, Value self) {
  return make_str(t, "Use " + str_text(t, self.as<SiteObject>()->name) + "() or Ctrl-D (i.e. EOF) to exit");
}
Result<Value> quitter_call(Thread& t, const Value* args) {
  // As CPython: who catches SystemExit still finds the input closed.
  Value input = dict_get_text(t, t.runtime().sys_module->dict, "stdin");
  if (!input.is_not_found() && !input.is_none() && call_method(t, input, intern(t, "close")).is_error())
    t.clear_exception();
  return t.raise_value(Exc::SystemExit, args[1]);
}

Result<Value> helper_repr(Thread& t, Value) {
  return make_str(t, "Type help() for interactive help, or help(object) for help about object.");
}
Result<Value> helper_call(Thread& t, Value, const CallArgs& args) {
  Value help = TRY(get_attr(t, TRY(import_module(t, "pydoc")), "help"));
  return call(t, help, args);
}

Result<Value> printer_repr(Thread&, Value self) { return self.as<SiteObject>()->text.get(); }
Result<Value> printer_call(Thread& t, const Value* args) {
  Value print = dict_get_text(t, t.runtime().builtins_dict, "print");
  return call(t, print, {args[0].as<SiteObject>()->text.get()});
}

const NativeDef kQuitterMethods[] = {MP_METHOD(quitter_call, "__call__(self, code=None)", nullptr), MP_END};
const TypeSpec kQuitterSpec = {.name = "_sitebuiltins.Quitter",
                               .size = sizeof(SiteObject),
                               .flags = kTypeDisallowNew,
                               .trace = trace_site_object,
                               .slots = MP_SLOTS(.repr = quitter_repr),
                               .methods = kQuitterMethods};
const TypeSpec kHelperSpec = {.name = "_sitebuiltins._Helper",
                              .size = sizeof(SiteObject),
                              .flags = kTypeDisallowNew,
                              .trace = trace_site_object,
                              .slots = MP_SLOTS(.repr = helper_repr, .call = helper_call)};
const NativeDef kPrinterMethods[] = {MP_METHOD(printer_call, "__call__(self)", nullptr), MP_END};
const TypeSpec kPrinterSpec = {.name = "_sitebuiltins._Printer",
                               .size = sizeof(SiteObject),
                               .flags = kTypeDisallowNew,
                               .trace = trace_site_object,
                               .slots = MP_SLOTS(.repr = printer_repr),
                               .methods = kPrinterMethods};

}  // namespace

void add_site_builtins(Thread& t, ModuleObject* module) {
  auto add = [&](const char* name, const TypeSpec& spec, const char* text) {
    auto* object = t.heap().make<SiteObject>(t, native_type(t, spec));
    object->name = intern(t, name);
    object->text = make_str(t, text);
    MP_BOOT(dict_set_text(t, module->dict, name, object));
  };
  add("exit", kQuitterSpec, "");
  add("quit", kQuitterSpec, "");
  add("help", kHelperSpec, "");
  add("copyright", kPrinterSpec,
      "Copyright (c) 2026 the minipy authors.\nThe library modules from CPython: Copyright (c) Python "
      "Software "
      "Foundation.");
  add("credits", kPrinterSpec, "Thanks to the people of CPython, whose language and library this is.");
  add("license", kPrinterSpec,
      "minipy is under the MIT license; the library modules from CPython are under the PSF license.");
}

}  // namespace mp
