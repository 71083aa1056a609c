# vrrp_startup_delay: nothing is heard or said before it ends.
node a priority=150 garp_master_delay=0s boot=later
globals a vrrp_startup_delay=5s
boot a
run 10s
----
  5000 ms  a BACKUP
  8414 ms  a announces 192.168.200.16 x5
  8414 ms  a MASTER
