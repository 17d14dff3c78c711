// The module syslog: syslog(3). The library's settings are the process's; what is ours is the text of the
// ident, which libc keeps a pointer to.
#include <syslog.h>

#include <mutex>
#include <string>

#include "vm/native/native.h"
#include "vm/protocol/protocol.h"
#include "vm/threads/thread.h"
#include "vm/types/containers.h"
#include "vm/types/number.h"
#include "vm/types/runtime.h"

namespace mp {
namespace {

struct SyslogState {
  std::atomic<bool> opened{false};
  std::mutex mutex;   // around all changes
  std::string ident;  // libc refers to it while `opened`
  ~SyslogState() {
    if (opened) ::closelog();
  }
};
const char kStateTag = 0;
SyslogState& state_of(Thread& t) { return t.runtime().state<SyslogState>(&kStateTag); }

Result<std::string> text(Thread& t, Value v, const char* what) {
  if (!is_str(v)) return t.raise(Exc::TypeError, "{} must be str, not {}", what, type_name(t, v));
  std::string result = to_utf8(v.as<StrObject>());
  if (result.find('\0') != std::string::npos) return t.raise(Exc::ValueError, "embedded null character");
  return result;
}

// The name of the script.
std::string default_ident(Thread& t) {
  Value argv = dict_get_text(t, t.runtime().sys_module->dict, "argv");
  if (!is_list(argv) || argv.as<ListObject>()->length() == 0) return {};
  Value script = argv.as<ListObject>()->at(0);
  std::string path = is_str(script) ? to_utf8(script.as<StrObject>()) : std::string();
  return path.substr(path.rfind('/') + 1);
}

void open(Thread& t, std::string ident, int options, int facility) {
  SyslogState& state = state_of(t);
  std::lock_guard<std::mutex> guard(state.mutex);
  if (state.opened) ::closelog();
  state.ident = std::move(ident);
  state.opened = true;
  ::openlog(state.ident.empty() ? nullptr : state.ident.c_str(), options, facility);
}

Result<Value> syslog_openlog(Thread& t, const Value* args) {
  std::string ident =
      args[0].is_empty() ? default_ident(t) : TRY(text(t, args[0], "openlog() argument 'ident'"));
  int options = TRY(to_c_int(t, args[1])), facility = TRY(to_c_int(t, args[2]));
  open(t, std::move(ident), options, facility);
  return kNone;
}

Result<Value> syslog_syslog(Thread& t, Value, const CallArgs& args) {
  if (args.count < 1 || args.count > 2)
    return t.raise(Exc::TypeError, "syslog.syslog requires 1 to 2 arguments");
  int priority = args.count == 2 ? TRY(to_c_int(t, args.values[0])) : LOG_INFO;
  std::string message = TRY(
      text(t, args.values[args.count - 1], args.count == 2 ? "syslog() argument 2" : "syslog() argument 1"));
  if (!state_of(t).opened) open(t, default_ident(t), 0, LOG_USER);
  BlockingRegion out(t);
  ::syslog(priority, "%s", message.c_str());
  return kNone;
}

Result<Value> syslog_closelog(Thread& t, const Value*) {
  SyslogState& state = state_of(t);
  std::lock_guard<std::mutex> guard(state.mutex);
  if (state.opened.exchange(false)) ::closelog();
  return kNone;
}
Result<Value> syslog_setlogmask(Thread& t, const Value* args) {
  return Value::from_int(::setlogmask(TRY(to_c_int(t, args[0]))));
}
Result<Value> syslog_mask(Thread& t, const Value* args) {
  return Value::from_int(LOG_MASK(TRY(to_c_int(t, args[0]))));
}
Result<Value> syslog_upto(Thread& t, const Value* args) {
  return Value::from_int(LOG_UPTO(TRY(to_c_int(t, args[0]))));
}

constexpr IntConstant kConstants[] = {
    {"LOG_EMERG", LOG_EMERG},   {"LOG_ALERT", LOG_ALERT},     {"LOG_CRIT", LOG_CRIT},
    {"LOG_ERR", LOG_ERR},       {"LOG_WARNING", LOG_WARNING}, {"LOG_NOTICE", LOG_NOTICE},
    {"LOG_INFO", LOG_INFO},     {"LOG_DEBUG", LOG_DEBUG},     {"LOG_PID", LOG_PID},
    {"LOG_CONS", LOG_CONS},     {"LOG_NDELAY", LOG_NDELAY},   {"LOG_ODELAY", LOG_ODELAY},
    {"LOG_NOWAIT", LOG_NOWAIT}, {"LOG_PERROR", LOG_PERROR},   {"LOG_KERN", LOG_KERN},
    {"LOG_USER", LOG_USER},     {"LOG_MAIL", LOG_MAIL},       {"LOG_DAEMON", LOG_DAEMON},
    {"LOG_AUTH", LOG_AUTH},     {"LOG_LPR", LOG_LPR},         {"LOG_LOCAL0", LOG_LOCAL0},
    {"LOG_LOCAL1", LOG_LOCAL1}, {"LOG_LOCAL2", LOG_LOCAL2},   {"LOG_LOCAL3", LOG_LOCAL3},
    {"LOG_LOCAL4", LOG_LOCAL4}, {"LOG_LOCAL5", LOG_LOCAL5},   {"LOG_LOCAL6", LOG_LOCAL6},
    {"LOG_LOCAL7", LOG_LOCAL7}, {"LOG_SYSLOG", LOG_SYSLOG},   {"LOG_CRON", LOG_CRON},
    {"LOG_UUCP", LOG_UUCP},     {"LOG_NEWS", LOG_NEWS},       {"LOG_AUTHPRIV", LOG_AUTHPRIV},
    {"LOG_FTP", LOG_FTP}};

Status init_syslog(Thread& t, ModuleObject* module) { return module_add_ints(t, module, kConstants); }

const NativeDef kFunctions[] = {
    MP_FUNCTION(syslog_openlog, "openlog(ident=?, logoption=0, facility=8)",
                "Set logging options of subsequent syslog() calls."),
    MP_RAW_FUNCTION(syslog_syslog, "syslog(*args)",
                    "syslog([priority=LOG_INFO,] message)\nSend the string message to the system logger."),
    MP_FUNCTION(syslog_closelog, "closelog()",
                "Reset the syslog module values and call the system library closelog()."),
    MP_FUNCTION(syslog_setlogmask, "setlogmask(maskpri, /)",
                "Set the priority mask to maskpri and return the previous mask value."),
    MP_FUNCTION(syslog_mask, "LOG_MASK(pri, /)", "Calculates the mask for the individual priority pri."),
    MP_FUNCTION(syslog_upto, "LOG_UPTO(pri, /)",
                "Calculates the mask for all priorities up to and including pri."),
    MP_END};

}  // namespace

extern const ModuleSpec kSyslogModule;
const ModuleSpec kSyslogModule = {"syslog", nullptr, kFunctions, init_syslog};

}  // namespace mp
