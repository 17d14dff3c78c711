// The doors of loop_generators.cpp: generators that one loop alone names are closed where it is left.
#pragma once
#include "vm/exec/generator.h"

namespace mp {

// After `made`, the frame of a generator function that returns the fresh `g` to its caller: looks at what the
// caller does with it next.
void hold_unnamed(Thread& t, GeneratorObject* g, const Frame* made);
inline void hold_fresh(Thread& t, GeneratorObject* g, const Frame* made) {
  if ((made->flags & (kFrameEntry | kFrameInit | kFrameDiscard)) == 0 && made->previous != nullptr &&
      made->return_register >= made->previous->code->first_temporary)
    hold_unnamed(t, g, made);
}
// After GET_ITER or GET_AITER at `pc` of `frame`, which may have called an __iter__ that is a generator
// function.
void hold_made_by_iter(Thread& t, Frame* frame, const lang::Instruction* pc, Value iterable, Value iterator,
                       StrObject* method);
// A fresh generator expression holds the generator that it was called with.
void adopt_generator(Thread& t, GeneratorObject* g);
inline void adopt_argument(Thread& t, GeneratorObject* g) {
  if (g->frame.code->parameter_count != 0 && is_kind(g->registers()[0], Kind::Generator))
    adopt_generator(t, g);
}
// It has ended, or somebody may know it.
void let_go(Thread& t, GeneratorObject* g);
// The loops of `frame` over the registers from `first` on are left. Keeps the current exception.
void close_loops(Thread& t, const Frame* frame, uint32_t first);

}  // namespace mp
