// What makes the command start quickly and stay small; the library under it knows none of this.
#pragma once

// Makes the memory resident that every start touches: one call to the system instead of a fault for each
// page.
void prefault();
