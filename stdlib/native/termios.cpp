// The module termios: terminals.
#include <termios.h>

#include <sys/ioctl.h>

#include <linux/serial.h>
#include <linux/tty.h>
#include <unistd.h>

#include "stdlib/native/posix_process.h"

namespace mp {
namespace {

const char kTag = 0;
struct TermiosState {
  Slot error;
};
TermiosState& state(Thread& t) { return t.runtime().state<TermiosState>(&kTag); }

Error terminal_error(Thread& t, int error) {
  Value instance =
      TRY(call(t, state(t).error, {Value::from_int(error), Value(make_str(t, std::strerror(error)))}));
  return t.raise_object(instance);
}
template <class Call>
Status terminal_call(Thread& t, Call function) {
  int error = 0;
  if (TRY(posix::retry(t, function, &error)) < 0) return terminal_error(t, error);
  return {};
}

// [iflag, oflag, cflag, lflag, ispeed, ospeed, cc]
Result<Value> termios_tcgetattr(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0]));
  termios mode{};
  TRY(terminal_call(t, [&] { return tcgetattr(fd, &mode); }));
  ListObject* characters = make_list(t);
  bool canonical = (mode.c_lflag & ICANON) != 0;
  for (int i = 0; i < NCCS; ++i) {
    bool number = !canonical && (i == VMIN || i == VTIME);
    char c = static_cast<char>(mode.c_cc[i]);
    TRY(list_append(t, characters,
                    number ? Value::from_int(mode.c_cc[i]) : Value(make_bytes(t, std::string_view(&c, 1)))));
  }
  ListObject* fields = make_list(t);
  for (tcflag_t flags :
       {mode.c_iflag, mode.c_oflag, mode.c_cflag, mode.c_lflag, cfgetispeed(&mode), cfgetospeed(&mode)})
    TRY(list_append(t, fields, make_int(t, flags)));
  TRY(list_append(t, fields, characters));
  return fields;
}
Result<Value> termios_tcsetattr(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0])), when = TRY(to_c_int(t, args[1]));
  if (!is_list(args[2]) || args[2].as<ListObject>()->length() != 7)
    return t.raise(Exc::TypeError, "tcsetattr, arg 3: must be 7 element list");
  auto* fields = args[2].as<ListObject>();
  termios mode{};
  TRY(terminal_call(t, [&] { return tcgetattr(fd, &mode); }));
  int64_t numbers[6];
  for (size_t i = 0; i < 6; ++i) {
    Value field = fields->at(i);
    if (field.is_empty()) return t.raise(Exc::TypeError, "tcsetattr, arg 3: must be 7 element list");
    numbers[i] = TRY(to_int64(t, field));
  }
  mode.c_iflag = static_cast<tcflag_t>(numbers[0]);
  mode.c_oflag = static_cast<tcflag_t>(numbers[1]);
  mode.c_cflag = static_cast<tcflag_t>(numbers[2]);
  mode.c_lflag = static_cast<tcflag_t>(numbers[3]);
  Value characters = fields->at(6);
  if (!is_list(characters) || characters.as<ListObject>()->length() != NCCS)
    return t.raise(Exc::TypeError, "tcsetattr: attributes[6] must be {} element list", NCCS);
  for (size_t i = 0; i < NCCS; ++i) {
    Value item = characters.as<ListObject>()->at(i);
    if (is_bytes(item) && item.as<BytesObject>()->view().size() == 1)
      mode.c_cc[i] = static_cast<cc_t>(item.as<BytesObject>()->view()[0]);
    else if (is_any_int(item))
      mode.c_cc[i] = static_cast<cc_t>(TRY(to_int64(t, item)));
    else
      return t.raise(Exc::TypeError, "tcsetattr: elements of attributes must be characters or integers");
  }
  if (cfsetispeed(&mode, static_cast<speed_t>(numbers[4])) < 0 ||
      cfsetospeed(&mode, static_cast<speed_t>(numbers[5])) < 0)
    return terminal_error(t, errno);
  TRY(terminal_call(t, [&] { return tcsetattr(fd, when, &mode); }));
  return kNone;
}
Result<Value> termios_tcsendbreak(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0])), duration = TRY(to_c_int(t, args[1]));
  TRY(terminal_call(t, [&] { return tcsendbreak(fd, duration); }));
  return kNone;
}
Result<Value> termios_tcdrain(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0]));
  TRY(terminal_call(t, [&] { return tcdrain(fd); }));
  return kNone;
}
Result<Value> termios_tcflush(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0])), queue = TRY(to_c_int(t, args[1]));
  TRY(terminal_call(t, [&] { return tcflush(fd, queue); }));
  return kNone;
}
Result<Value> termios_tcflow(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0])), action = TRY(to_c_int(t, args[1]));
  TRY(terminal_call(t, [&] { return tcflow(fd, action); }));
  return kNone;
}
Result<Value> termios_tcgetwinsize(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0]));
  winsize size{};
  TRY(terminal_call(t, [&] { return ioctl(fd, TIOCGWINSZ, &size); }));
  return make_tuple(t, {Value::from_int(size.ws_row), Value::from_int(size.ws_col)});
}
Result<Value> termios_tcsetwinsize(Thread& t, const Value* args) {
  int fd = TRY(posix::descriptor_argument(t, args[0]));
  if (!is_list(args[1]) && !is_tuple(args[1]))
    return t.raise(Exc::TypeError, "tcsetwinsize, arg 2: must be a two-item sequence");
  Value pair = TRY(to_tuple(t, args[1]));
  if (pair.as<TupleObject>()->size != 2)
    return t.raise(Exc::TypeError, "tcsetwinsize, arg 2: must be a two-item sequence");
  winsize size{};
  TRY(terminal_call(t, [&] { return ioctl(fd, TIOCGWINSZ, &size); }));
  int64_t rows = TRY(to_int64(t, (*pair.as<TupleObject>())[0]));
  int64_t columns = TRY(to_int64(t, (*pair.as<TupleObject>())[1]));
  size.ws_row = static_cast<unsigned short>(rows);
  size.ws_col = static_cast<unsigned short>(columns);
  if (size.ws_row != rows || size.ws_col != columns)
    return t.raise(Exc::OverflowError, "winsize value(s) out of range.");
  TRY(terminal_call(t, [&] { return ioctl(fd, TIOCSWINSZ, &size); }));
  return kNone;
}

const NativeDef kFunctions[] = {
    MP_FUNCTION(termios_tcgetattr, "tcgetattr(fd, /)", "Get the tty attributes for file descriptor fd."),
    MP_FUNCTION(termios_tcsetattr, "tcsetattr(fd, when, attributes, /)",
                "Set the tty attributes for file descriptor fd."),
    MP_FUNCTION(termios_tcsendbreak, "tcsendbreak(fd, duration, /)", "Send a break on file descriptor fd."),
    MP_FUNCTION(termios_tcdrain, "tcdrain(fd, /)",
                "Wait until all output written to file descriptor fd has been transmitted."),
    MP_FUNCTION(termios_tcflush, "tcflush(fd, queue, /)", "Discard queued data on file descriptor fd."),
    MP_FUNCTION(termios_tcflow, "tcflow(fd, action, /)",
                "Suspend or resume input or output on file descriptor fd."),
    MP_FUNCTION(termios_tcgetwinsize, "tcgetwinsize(fd, /)",
                "Get the tty winsize for file descriptor fd.\n\nReturns a tuple (ws_row, ws_col)."),
    MP_FUNCTION(termios_tcsetwinsize, "tcsetwinsize(fd, winsize, /)",
                "Set the tty winsize for file descriptor fd."),
    MP_END};

Status init_module(Thread& t, ModuleObject* module) {
  DictObject* name_space = make_dict(t);
  TRY(dict_set_str(t, name_space, t.names().__module__, make_str(t, "termios")));
  TermiosState& own = state(t);
  own.error =
      TRY(call(t, t.types().type,
               {Value(make_str(t, "error")),
                Value(make_tuple(t, {Value(t.types().exception(Exc::Exception))})), Value(name_space)}));
  t.heap().add_root_scanner(
      [](void* context, Tracer& tracer) { tracer.visit(static_cast<TermiosState*>(context)->error); }, &own);
  TRY(module_add(t, module, "error", own.error));
  static constexpr IntConstant kConstants[] = {
#define MP_CONSTANT(name) {#name, static_cast<int64_t>(name)},
#include "stdlib/native/termios_constants.def"
#undef MP_CONSTANT
      {"VSWTC", VSWTC},
      {"VSWTCH", VSWTC},
      {"_POSIX_VDISABLE", _POSIX_VDISABLE},
  };
  return module_add_ints(t, module, kConstants);
}

}  // namespace

extern const ModuleSpec kTermiosModule;
const ModuleSpec kTermiosModule = {
    "termios", "This module provides an interface to the Posix calls for tty I/O control.", kFunctions,
    init_module};

}  // namespace mp
