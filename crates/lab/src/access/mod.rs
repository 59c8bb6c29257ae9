//! What an access network offers its guests: a DHCP server and router advertisements.
