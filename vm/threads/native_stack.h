// Spilling the callee-saved registers, so that the conservative scan of a native stack sees them.
#pragma once

namespace mp {

struct SpilledRegisters {
  void* words[12];
};

#if defined(__x86_64__)
#define MP_SPILL_REGISTERS(spilled)                                                                        \
  asm volatile(                                                                                            \
      "movq %%rbx, 0(%0)\n\tmovq %%rbp, 8(%0)\n\tmovq %%r12, 16(%0)\n\tmovq %%r13, 24(%0)\n\tmovq %%r14, " \
      "32(%0)\n\t"                                                                                         \
      "movq %%r15, 40(%0)"                                                                                 \
      :                                                                                                    \
      : "r"((spilled).words)                                                                               \
      : "memory")
#elif defined(__aarch64__)
#define MP_SPILL_REGISTERS(spilled)                                                                     \
  asm volatile(                                                                                         \
      "stp x19, x20, [%0]\n\tstp x21, x22, [%0, #16]\n\tstp x23, x24, [%0, #32]\n\tstp x25, x26, [%0, " \
      "#48]\n\t"                                                                                        \
      "stp x27, x28, [%0, #64]\n\tstr x29, [%0, #80]"                                                   \
      :                                                                                                 \
      : "r"((spilled).words)                                                                            \
      : "memory")
#else
#define MP_SPILL_REGISTERS(spilled) __builtin_unwind_init()
#endif

}  // namespace mp
