// What the front end complains about, as exceptions and warnings.
#pragma once

#include "lang/diagnostic.h"
#include "vm/core/result.h"

namespace mp {

class Thread;

// `incomplete`: more input may make it valid (_IncompleteInputError).
Error raise_diagnostic(Thread& t, const lang::Diagnostic& diagnostic, bool incomplete);
// warnings.warn_explicit at the place; a filter that makes it an error makes a SyntaxError of it.
Status emit_compile_warning(Thread& t, const lang::Diagnostic& diagnostic);

}  // namespace mp
