# SPDX-License-Identifier: BSD-3-Clause
# x86-64 without libc, as a kernel or hypervisor builds: no red zone, no vector registers, no tables for
# unwinding, which a compiler for Linux writes unasked.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER gcc)
set(CMAKE_C_FLAGS_INIT "-mno-red-zone -mgeneral-regs-only -fno-pic -fno-pie")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-no-pie")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
add_compile_options(-fno-asynchronous-unwind-tables -fno-unwind-tables)
