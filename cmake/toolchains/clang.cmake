# SPDX-License-Identifier: BSD-3-Clause
# clang and lld for one of the targets without libc: what includes this file sets CLANG_TARGET,
# CLANG_FLAGS, and CLANG_GCC, whose libgcc has the helpers that clang calls too.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET ${CLANG_TARGET})
set(CMAKE_C_FLAGS_INIT "${CLANG_FLAGS} -Wno-unused-command-line-argument")
separate_arguments(clang_flags UNIX_COMMAND "${CLANG_FLAGS}")
execute_process(COMMAND ${CLANG_GCC} ${clang_flags} -print-libgcc-file-name
	OUTPUT_VARIABLE libgcc OUTPUT_STRIP_TRAILING_WHITESPACE)
get_filename_component(libgcc "${libgcc}" DIRECTORY)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld -L${libgcc}")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
