# SPDX-License-Identifier: BSD-3-Clause
# AArch64 without libc; a secure partition may not touch the vector registers, and has nobody who would
# unwind its stack: unlike compilers for bare metal, one for Linux writes the tables for that unasked.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_C_FLAGS_INIT "-mgeneral-regs-only -fno-pic")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
add_compile_options(-fno-asynchronous-unwind-tables -fno-unwind-tables)
