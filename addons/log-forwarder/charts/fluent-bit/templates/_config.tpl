{{- /* The configuration is a template of its own, so that the pods can carry its checksum and restart when it changes. */ -}}
{{- define "fluent-bit.config" -}}
service:
  flush: 2
  log_level: info
  http_server: true
  http_port: 2020
  storage.path: /var/lib/fluent-bit
pipeline:
  inputs:
  - name: tail
    tag: kube.*
    path: /var/log/containers/*.log
    multiline.parser: docker, cri
    mem_buf_limit: {{ .Values.bufferLimit }}
    skip_long_lines: true
    db: /var/lib/fluent-bit/tail.db
    storage.type: filesystem
  filters:
  - name: kubernetes
    match: kube.*
    merge_log: true
    use_kubelet: false
  - name: modify
    match: "*"
    add:
    - cluster {{ .Values.global.cluster.name }}
    - region {{ .Values.global.cluster.region }}
  outputs:
  - name: forward
    match: "*"
    host: {{ .Values.global.sink.host | quote }}
    port: {{ .Values.sink.port }}
    tls: {{ .Values.sink.tls }}
    retry_limit: no_limits
    storage.total_limit_size: 2G
{{- end -}}
