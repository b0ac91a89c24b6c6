# SPDX-License-Identifier: BSD-3-Clause
# Installs libraries, headers, the program, pkg-config files and the CMake package.
include(CMakePackageConfigHelpers)

file(GLOB public_headers CONFIGURE_DEPENDS include/virtio_msg_ffa/*.h)
list(FILTER public_headers EXCLUDE REGEX "/emulator\\.h$")
install(FILES ${public_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/virtio_msg_ffa)

# The pkg-config files find everything from where they lie, so an installed tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
	OUTPUT_VARIABLE prefix_from_pc)

set(targets virtio_msg_ffa)
if(VMSG_BUILD_SHARED)
	list(APPEND targets virtio_msg_ffa_shared)
endif()
configure_file(cmake/virtio-msg-ffa.pc.in virtio-msg-ffa.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/virtio-msg-ffa.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(VMSG_BUILD_EMULATOR)
	list(APPEND targets vmsg_emulator)
	install(FILES include/virtio_msg_ffa/emulator.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/virtio_msg_ffa)
	install(TARGETS vmsg-ffa-emu DESTINATION ${CMAKE_INSTALL_BINDIR})
	file(GLOB man_pages CONFIGURE_DEPENDS docs/man/*.1)
	install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
	install(FILES share/vmsg-ffa.lua DESTINATION ${CMAKE_INSTALL_DATADIR}/virtio-msg-ffa)
	configure_file(cmake/vmsg-ffa-emu.pc.in vmsg-ffa-emu.pc @ONLY)
	install(FILES ${PROJECT_BINARY_DIR}/vmsg-ffa-emu.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

install(TARGETS ${targets} EXPORT virtio_msg_ffa-targets
	ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/virtio_msg_ffa)
install(EXPORT virtio_msg_ffa-targets NAMESPACE virtio_msg_ffa:: DESTINATION ${package_dir})
configure_package_config_file(cmake/config.cmake.in virtio_msg_ffa-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(virtio_msg_ffa-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/virtio_msg_ffa-config.cmake
	${PROJECT_BINARY_DIR}/virtio_msg_ffa-config-version.cmake DESTINATION ${package_dir})
