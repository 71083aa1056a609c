# Both are master while they cannot hear each other; healed, the lesser one yields with a last advert, and the better one
# re-announces, because the switches may have learned otherwise meanwhile.
node a priority=200 garp_master_delay=0s higher_prio_send_advert=yes
node b priority=100 garp_master_delay=0s higher_prio_send_advert=yes
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
cut a
run 5s
----
  7828 ms  b announces 192.168.200.16 x5
  7828 ms  b MASTER
heal a
run 1500ms
----
 10218 ms  b BACKUP
 10218 ms  a announces 192.168.200.16 x5
 10218 ms  a MASTER_RX_LOWER_PRI
