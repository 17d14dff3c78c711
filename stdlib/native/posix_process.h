// What the files about processes share: argument vectors for exec, ids, and the fork that keeps a threaded
// runtime sound.
#pragma once
#include <signal.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "stdlib/native/posix_support.h"

namespace mp::posix {

// An argv or environ: the strings and, by data(), the null-terminated array of pointers that exec wants.
struct StringVector {
  std::vector<std::string> strings;
  std::vector<char*> pointers;
  char** data() {
    pointers.clear();
    for (std::string& s : strings) pointers.push_back(s.data());
    pointers.push_back(nullptr);
    return pointers.data();
  }
};
// str, bytes or os.PathLike as the system's bytes. ValueError: embedded null byte.
Result<std::string> exec_string(Thread& t, Value v);
// "execv() arg 2 must be a tuple or list": `what` is "execv() arg 2" there, "posix_spawn: argv" elsewhere.
Status fill_arguments(Thread& t, Value sequence, StringVector& out, const std::string& what);
Status fill_environment(Thread& t, Value mapping, StringVector& out);
// int to uid_t or gid_t; -1 stands for "leave it". `what` is "uid" or "gid".
Result<uid_t> id_argument(Thread& t, Value v, const char* what);
Value id_value(Thread& t, uid_t id);                            // the other way: (uid_t)-1 is -1
Status fill_signals(Thread& t, Value iterable, sigset_t* out);  // of signal numbers
Result<int> sched_priority(Thread& t, Value sched_param);

// As fd_argument(), for what CPython takes as a descriptor and not as an int: negative ones are a ValueError.
Result<int> descriptor_argument(Thread& t, Value v);

// What surrounds fork(): `TRY(frame.before()); pid = fork(); pid == 0 ? frame.in_child() :
// frame.in_parent();`
class Fork {
 public:
  explicit Fork(Thread& t) : t_(t) {}
  Status before();   // the hooks of register_at_fork, then the other threads stop
  void in_child();   // only this thread is left; its hooks
  void in_parent();  // the others run again; the hooks
  // os.fork and os.forkpty since 3.12: DeprecationWarning when there are other threads. May raise.
  static Status warn_of_threads(Thread& t, const char* function);

 private:
  Thread& t_;
  Value hooks_;
};

}  // namespace mp::posix
