// posix: the ids of processes, sessions, users and groups.
#include <grp.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include "stdlib/native/posix_process.h"

namespace mp::posix {

Result<uid_t> id_argument(Thread& t, Value v, const char* what) {
  if (!is_any_int(v) && type_of(t, v)->slots.index == nullptr)
    return t.raise(Exc::TypeError, "{} should be integer, not {}", what, type_name(t, v));
  Value index = TRY(to_index(t, v));
  int64_t number;
  // What a C long holds but the id does not is "less" on either side, as in CPython.
  if (!int_to_int64(index, &number))
    return t.raise(Exc::OverflowError, "{} is {}", what,
                   int_compare(index, Value::from_int(0)) < 0 ? "less than minimum" : "greater than maximum");
  if (number < -1 || number > UINT32_MAX) return t.raise(Exc::OverflowError, "{} is less than minimum", what);
  return static_cast<uid_t>(number);
}
Value id_value(Thread& t, uid_t id) {
  return id == static_cast<uid_t>(-1) ? Value::from_int(-1) : make_int(t, id);
}

namespace {

#define MP_ID_FUNCTION(name, call) \
  Result<Value> name(Thread& t, const Value*) { return id_value(t, static_cast<uid_t>(call())); }
MP_ID_FUNCTION(os_getpid, getpid)
MP_ID_FUNCTION(os_getppid, getppid)
MP_ID_FUNCTION(os_getuid, getuid)
MP_ID_FUNCTION(os_geteuid, geteuid)
MP_ID_FUNCTION(os_getgid, getgid)
MP_ID_FUNCTION(os_getegid, getegid)
MP_ID_FUNCTION(os_getpgrp, getpgrp)
#undef MP_ID_FUNCTION

// setX(id) and setX(id, id, ...), each an id of a user or a group.
template <int N, class Call>
Result<Value> set_ids(Thread& t, const Value* args, const char* what, Call call) {
  uid_t ids[3] = {};
  for (int i = 0; i < N; ++i) ids[i] = TRY(id_argument(t, args[i], what));
  if (call(ids) < 0) return t.raise_os_error(errno);
  return kNone;
}
#define MP_SET_IDS(name, count, what, expression)                                     \
  Result<Value> name(Thread& t, const Value* args) {                                  \
    return set_ids<count>(t, args, what, [](const uid_t* id) { return expression; }); \
  }
MP_SET_IDS(os_setuid, 1, "uid", setuid(id[0]))
MP_SET_IDS(os_seteuid, 1, "uid", seteuid(id[0]))
MP_SET_IDS(os_setreuid, 2, "uid", setreuid(id[0], id[1]))
MP_SET_IDS(os_setresuid, 3, "uid", setresuid(id[0], id[1], id[2]))
MP_SET_IDS(os_setgid, 1, "gid", setgid(id[0]))
MP_SET_IDS(os_setegid, 1, "gid", setegid(id[0]))
MP_SET_IDS(os_setregid, 2, "gid", setregid(id[0], id[1]))
MP_SET_IDS(os_setresgid, 3, "gid", setresgid(id[0], id[1], id[2]))
#undef MP_SET_IDS

Result<Value> os_getresuid(Thread& t, const Value*) {
  uid_t real, effective, saved;
  TRY(checked(t, [&] { return getresuid(&real, &effective, &saved); }));
  return make_tuple(t, {id_value(t, real), id_value(t, effective), id_value(t, saved)});
}
Result<Value> os_getresgid(Thread& t, const Value*) {
  gid_t real, effective, saved;
  TRY(checked(t, [&] { return getresgid(&real, &effective, &saved); }));
  return make_tuple(t, {id_value(t, real), id_value(t, effective), id_value(t, saved)});
}

Value group_list(Thread& t, const std::vector<gid_t>& groups, size_t count) {
  ListObject* list = make_list(t, count);
  for (size_t i = 0; i < count; ++i) (void)list_append(t, list, id_value(t, groups[i]));
  return list;
}
Result<Value> os_getgroups(Thread& t, const Value*) {
  for (;;) {
    int count = getgroups(0, nullptr);
    if (count < 0) return t.raise_os_error(errno);
    std::vector<gid_t> groups(static_cast<size_t>(count) + 1);
    count = getgroups(count, groups.data());
    if (count >= 0) return group_list(t, groups, static_cast<size_t>(count));
    if (errno != EINVAL) return t.raise_os_error(errno);  // EINVAL: more of them by now
  }
}
Result<Value> os_setgroups(Thread& t, const Value* args) {
  int64_t count = TRY(length(t, args[0]));
  if (count > 65536) return t.raise(Exc::ValueError, "too many groups");
  std::vector<gid_t> groups;
  TRY(for_each(t, args[0], [&](Value item) -> Status {
    if (!is_any_int(item)) return t.raise(Exc::TypeError, "groups must be integers");
    groups.push_back(TRY(id_argument(t, item, "gid")));
    return {};
  }));
  if (setgroups(groups.size(), groups.data()) < 0) return t.raise_os_error(errno);
  return kNone;
}
Result<Value> os_getgrouplist(Thread& t, const Value* args) {
  if (!is_str(args[0]))
    return t.raise(Exc::TypeError, "getgrouplist() argument 1 must be str, not {}", type_name(t, args[0]));
  std::string user = TRY(exec_string(t, args[0]));
  gid_t group = TRY(id_argument(t, args[1], "gid"));
  for (int count = 64;; count *= 2) {
    std::vector<gid_t> groups(static_cast<size_t>(count));
    int found = count;
    int rc;
    {
      BlockingRegion out(t);
      rc = getgrouplist(user.c_str(), group, groups.data(), &found);
    }
    if (rc >= 0) return group_list(t, groups, static_cast<size_t>(found));
    if (count > 65536) return t.raise_os_error(EINVAL);
  }
}
Result<Value> os_initgroups(Thread& t, const Value* args) {
  std::string user = TRY(exec_string(t, args[0]));
  gid_t group = TRY(id_argument(t, args[1], "gid"));
  TRY(checked(t, [&] { return initgroups(user.c_str(), group); }));
  return kNone;
}
Result<Value> os_getlogin(Thread& t, const Value*) {
  char name[256];
  int error = getlogin_r(name, sizeof name);
  if (error != 0) return t.raise_os_error(error);
  return path_value(t, name, false);
}

Result<Value> os_getpgid(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return getpgid(pid); })));
}
Result<Value> os_setpgid(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0])), group = TRY(to_c_int(t, args[1]));
  TRY(checked(t, [&] { return setpgid(pid, group); }));
  return kNone;
}
Result<Value> os_setpgrp(Thread& t, const Value*) {
  TRY(checked(t, [&] { return setpgid(0, 0); }));
  return kNone;
}
Result<Value> os_getsid(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0]));
  return Value::from_int(TRY(checked(t, [&] { return getsid(pid); })));
}
Result<Value> os_setsid(Thread& t, const Value*) {
  TRY(checked(t, [&] { return setsid(); }));
  return kNone;
}
Result<Value> os_kill(Thread& t, const Value* args) {
  int pid = TRY(to_c_int(t, args[0])), signal_number = TRY(to_c_int(t, args[1]));
  if (kill(pid, signal_number) < 0) return t.raise_os_error(errno);
  TRY(t.poll());  // a signal to ourselves is handled before we return
  return kNone;
}
Result<Value> os_killpg(Thread& t, const Value* args) {
  int group = TRY(to_c_int(t, args[0])), signal_number = TRY(to_c_int(t, args[1]));
  if (killpg(group, signal_number) < 0) return t.raise_os_error(errno);
  TRY(t.poll());
  return kNone;
}
}  // namespace

const NativeDef kUserFunctions[] = {
    MP_FUNCTION(os_getpid, "getpid()", "Return the current process id."),
    MP_FUNCTION(os_getppid, "getppid()", "Return the parent's process id."),
    MP_FUNCTION(os_getuid, "getuid()", "Return the current process's user id."),
    MP_FUNCTION(os_geteuid, "geteuid()", "Return the current process's effective user id."),
    MP_FUNCTION(os_getgid, "getgid()", "Return the current process's group id."),
    MP_FUNCTION(os_getegid, "getegid()", "Return the current process's effective group id."),
    MP_FUNCTION(os_getresuid, "getresuid()",
                "Return a tuple of the current process's real, effective, and saved user ids."),
    MP_FUNCTION(os_getresgid, "getresgid()",
                "Return a tuple of the current process's real, effective, and saved group ids."),
    MP_FUNCTION(os_setuid, "setuid(uid, /)", "Set the current process's user id."),
    MP_FUNCTION(os_seteuid, "seteuid(euid, /)", "Set the current process's effective user id."),
    MP_FUNCTION(os_setreuid, "setreuid(ruid, euid, /)",
                "Set the current process's real and effective user ids."),
    MP_FUNCTION(os_setresuid, "setresuid(ruid, euid, suid, /)",
                "Set the current process's real, effective, and saved user ids."),
    MP_FUNCTION(os_setgid, "setgid(gid, /)", "Set the current process's group id."),
    MP_FUNCTION(os_setegid, "setegid(egid, /)", "Set the current process's effective group id."),
    MP_FUNCTION(os_setregid, "setregid(rgid, egid, /)",
                "Set the current process's real and effective group ids."),
    MP_FUNCTION(os_setresgid, "setresgid(rgid, egid, sgid, /)",
                "Set the current process's real, effective, and saved group ids."),
    MP_FUNCTION(os_getgroups, "getgroups()", "Return list of supplemental group IDs for the process."),
    MP_FUNCTION(os_setgroups, "setgroups(groups, /)", "Set the groups of the current process to list."),
    MP_FUNCTION(os_getgrouplist, "getgrouplist(user, group, /)",
                "Returns a list of groups to which a user belongs."),
    MP_FUNCTION(os_initgroups, "initgroups(username, gid, /)", "Initialize the group access list."),
    MP_FUNCTION(os_getlogin, "getlogin()", "Return the actual login name."),
    MP_FUNCTION(os_getpgrp, "getpgrp()", "Return the current process group id."),
    MP_FUNCTION(os_setpgrp, "setpgrp()", "Make the current process the leader of its process group."),
    MP_FUNCTION(os_getpgid, "getpgid(pid)", "Call the system call getpgid(), and return the result."),
    MP_FUNCTION(os_setpgid, "setpgid(pid, pgrp, /)", "Call the system call setpgid(pid, pgrp)."),
    MP_FUNCTION(os_getsid, "getsid(pid, /)", "Call the system call getsid(pid) and return the result."),
    MP_FUNCTION(os_setsid, "setsid()", "Call the system call setsid()."),
    MP_FUNCTION(os_kill, "kill(pid, signal, /)", "Kill a process with a signal."),
    MP_FUNCTION(os_killpg, "killpg(pgid, signal, /)", "Kill a process group with a signal."),
    MP_END};

}  // namespace mp::posix
